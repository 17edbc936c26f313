#pragma once

#include <deque>
#include <span>
#include <vector>

#include "lathe/sampler/acquisition.h"
#include "lathe/sampler/sampler.h"
#include "lathe/sampler/surrogate.h"

namespace lathe::sampler {

/// Models where points fail: a Gaussian process on -1 (trained) and +1 (failed) by least squares (Rasmussen and
/// Williams, "Gaussian Processes for Machine Learning", section 6.5), used as an unknown constraint: the improvement
/// counts times the probability that the point can be trained, and only where that is large (Gelbart, Snoek, Adams,
/// "Bayesian optimization with unknown constraints", UAI 2014). We deviate: as the probability is
/// too sure beside a step, where the best points often lie, a deviation of the step and a margin that grows with the
/// share of recent failures are added.
class Trainability {
 public:
  /// The space and the embedding must outlive the model.
  Trainability(const parameter::Space& space, const Embedding& embedding, std::size_t capacity);

  /// Takes note of an ended trial at these places (Embedding).
  void tell(const FinishedTrial& trial, const std::vector<double>& places);
  /// Tells whether a point failed; without that there is nothing to model.
  bool any_failed() const { return any_failed_; }
  /// Makes `process` ready for queries, with points that are not told yet.
  void update(std::span<const std::vector<double>> pending) { surrogate_.update(pending); }
  const GaussianProcess& process() const { return surrogate_.processes().front(); }
  /// Returns what a prediction of the process adds to the logarithm of an improvement.
  double log_weight(const Normal& prediction) const;

 private:
  Surrogate surrogate_;
  std::deque<bool> recent_;  ///< whether the last points failed
  bool any_failed_ = false;
};

}  // namespace lathe::sampler
