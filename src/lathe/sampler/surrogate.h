#pragma once

#include <span>
#include <vector>

#include "lathe/sampler/gaussian_process.h"

namespace lathe::sampler {

/// Models several values of each trial, one Gaussian process each. Everything is a function of what was added, in this
/// order: hyperparameters are fitted from the defaults when the number of observations has grown by a tenth (at most
/// 50), to the observations that there were then. With more than `capacity` observations a fit keeps the best half of
/// that (by value, or by non-dominated rank) and the newest; those that follow are added until the next fit.
class Surrogate {
 public:
  using Scale = std::vector<double> (*)(std::span<const double> values);
  /// The space and the embedding must outlive the surrogate.
  Surrogate(const parameter::Space& space, const Embedding& embedding, Scale scale, std::size_t capacity);

  /// Adds an observation: places (Embedding) and values, which are not NaN.
  void add(std::vector<double> places, std::vector<double> values);
  std::size_t size() const { return points_.size(); }
  /// Returns the number of values per observation; 0 before the first.
  std::size_t outputs() const { return values_.empty() ? 0 : values_.front().size(); }
  /// Makes `processes` ready for queries, with trials whose values are not known yet as places. Needs an observation.
  void update(std::span<const std::vector<double>> pending);

  const std::vector<GaussianProcess>& processes() const { return processes_; }
  /// Returns which observations the processes know, ascending.
  const std::vector<std::size_t>& rows() const { return rows_; }
  /// Returns the scaled values of one output without their noise, one per row.
  std::vector<double> smoothed(std::size_t output) const { return processes_[output].smoothed(targets_[output]); }

 private:
  std::vector<std::size_t> select(std::size_t count) const;
  std::vector<double> scaled(std::size_t output) const;
  void refit(std::size_t count);

  const parameter::Space* space_;
  const Embedding* embedding_;
  Scale scale_;
  std::size_t capacity_;
  std::vector<std::vector<double>> points_, values_;
  std::size_t fitted_ = 0;  ///< observations that the hyperparameters were fitted to
  std::vector<std::size_t> rows_;
  std::vector<GaussianProcess> processes_;
  std::vector<std::vector<double>> targets_;  ///< [output][row]
};

}  // namespace lathe::sampler
