#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lathe/table/contents.h"

namespace lathe::table {

/// Holds a mean over the seeds, and its standard error (0 for one seed). Both are NaN where any of them diverged: the
/// others would flatter a candidate that cannot be relied on.
struct Mean {
  double mean = 0;
  double standard_error = 0;
};

/// Answers what training would give, without training: a tabular benchmark. Immutable, thread safe. Candidates are
/// 0 .. candidates() - 1, seeds and epochs count from 0. Names that the table lacks throw UserError with the nearest.
class Table {
 public:
  explicit Table(Contents contents);
  /// Reads NAME.npz and NAME.json. Throws as read_table.
  static Table load(const std::filesystem::path& name);

  const Contents& contents() const { return contents_; }
  const parameter::Space& space() const { return contents_.space; }
  std::vector<Direction> directions() const;
  std::size_t candidates() const { return contents_.assignments.size(); }
  std::size_t seeds() const { return static_cast<std::size_t>(contents_.seeds); }
  std::size_t epochs() const { return static_cast<std::size_t>(contents_.epochs); }

  /// Returns the first assignment that is the candidate.
  const parameter::Assignment& assignment(std::size_t candidate) const { return contents_.assignments[candidate]; }
  /// Returns the candidate of an assignment of the space; nullopt when its network is impossible.
  std::optional<std::size_t> find(const parameter::Assignment& assignment) const;
  /// Lists the candidates with an assignment that has all these codes, by index of the parameter, ascending.
  std::vector<std::size_t> matching(const std::vector<std::pair<std::size_t, double>>& codes) const;

  double cost(std::size_t candidate, const std::string& name) const;
  double metric(std::size_t candidate, std::size_t seed, const std::string& name) const;
  Mean metric(std::size_t candidate, const std::string& name) const;
  /// Returns a point of a curve (kTrainLoss, ...).
  double curve(std::size_t candidate, std::size_t seed, std::size_t epoch, const std::string& name) const;

  /// Returns what a sampler sees of one training: one value per objective; empty where it diverged.
  std::vector<double> values(std::size_t candidate, std::size_t seed) const;
  /// Returns the means of `values` over the seeds, and their standard errors; NaN when any diverged.
  std::vector<Mean> values(std::size_t candidate) const;
  /// Returns the mean of anything that has a name: a metric, a cost (no error), else an objective.
  Mean mean(std::size_t candidate, const std::string& name) const;

  /// Lists the candidates that none beats in the means of all objectives of the study; for one objective the best.
  /// Ascending; candidates that diverged with any seed are not among them.
  std::vector<std::size_t> front() const;
  /// The same for other objectives: anything that `mean` knows.
  std::vector<std::size_t> front(const std::vector<Objective>& objectives) const;

 private:
  template <typename Arrays>
  const typename Arrays::mapped_type& named(const Arrays& arrays, const std::string& name) const;

  Contents contents_;
};

}  // namespace lathe::table
