#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "lathe/sampler/hypervolume.h"
#include "lathe/sampler/sampler.h"

namespace lathe::sampler {

/// Returns how many of n trials are good: ceil(n / 10), at most 25 for one objective and in revision 3.1.
std::size_t good_count(std::size_t n, std::size_t objectives, bool revision_3_1 = false);

/// Keeps points sorted into non-dominated fronts while they arrive (Li, Deb, Zhang, Zhang, "Efficient nondomination
/// level update method", IEEE Trans. Cybernetics 47(9), 2017). All objectives are minimised; equal points share a
/// front.
class NonDominatedFronts {
 public:
  /// Adds a point under a number that is used once.
  void add(std::uint32_t row, Losses losses);
  void clear();
  /// Returns the numbers of the points of each front, best front first, each ascending.
  const std::vector<std::vector<std::uint32_t>>& fronts() const { return fronts_; }
  const Losses& losses(std::uint32_t row) const { return losses_[row]; }
  bool contains(std::uint32_t row) const { return row < losses_.size() && !losses_[row].empty(); }
  std::size_t size() const { return size_; }

 private:
  bool dominated_by(const std::vector<std::uint32_t>& front, std::uint32_t row) const;

  std::vector<Losses> losses_;  ///< [row]
  std::vector<std::vector<std::uint32_t>> fronts_;
  std::size_t size_ = 0;
};

/// Orders ended trials for TPE as Optuna does, best first, while they arrive: feasible complete ones (by value, ties to
/// the older; several objectives: by non-dominated front, within the one that is cut by hypervolume), feasible pruned
/// ones (longest first, then by their last report), infeasible ones by total violation. In revision 3.1 trials
/// without constraint values come last as soon as any trial has them, and pruned ones do not count with several
/// objectives, unless a constraint ruled them out; 5.0 counts them (by their length alone, since reports have several
/// values).
class TpeSplit {
 public:
  TpeSplit(std::vector<Direction> directions, bool revision_3_1);
  /// Tells whether a trial has a place in the order: failed ones do not.
  bool counts(const FinishedTrial& trial) const;
  /// Adds a trial that counts, under a row number that grows with its age.
  void add(std::uint32_t row, const FinishedTrial& trial);
  /// Returns how many trials were added.
  std::size_t size() const { return size_; }
  /// Returns the rows of the best `count` trials (all if there are fewer), ascending. With one objective `count` is at
  /// most kMostGood.
  std::vector<std::uint32_t> good(std::size_t count);
  /// Returns what the good trials weigh as kernels (the prior weighs 1): 1 each; with several objectives of
  /// revision 3.1 the hypervolume that each adds, relative to the largest, and next to nothing where infeasible.
  std::vector<double> good_weights(const std::vector<std::uint32_t>& good) const;

  static constexpr std::size_t kMostGood = 25;

 private:
  using Key = std::array<double, 2>;
  using Entry = std::pair<Key, std::uint32_t>;

  void insert(std::vector<Entry>& list, const Key& key, std::uint32_t row) const;
  void add_feasible(std::uint32_t row, const FinishedTrial& trial);
  double loss(double value) const;
  Key pruned_key(const FinishedTrial& trial) const;
  std::vector<std::uint32_t> good_of_fronts(std::size_t count);

  std::vector<Direction> directions_;
  bool revision_3_1_;
  bool constrained_ = false;                  ///< a trial had constraint values
  std::vector<std::uint32_t> unconstrained_;  ///< revision 3.1: rows without constraint values
  std::size_t size_ = 0;
  std::vector<Entry> complete_, pruned_, infeasible_;  ///< ascending; with one objective the first kMostGood
  NonDominatedFronts fronts_;                          ///< of complete trials with several objectives
  std::vector<std::uint32_t> cut_front_;               ///< the front that `subset_` chooses from
  std::optional<HypervolumeSubset> subset_;
};

}  // namespace lathe::sampler
