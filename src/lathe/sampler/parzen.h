#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lathe/base/random.h"
#include "lathe/parameter/space.h"

namespace lathe::sampler {

using parameter::Assignment;

/// Returns the weights of n observations (oldest first) and of the prior, normalised: all equal below 25; else the
/// newest 25 weigh 1 and the older ones rise linearly from 1/n to 1.
std::vector<double> recency_weights(std::size_t n);
/// Returns n + 1 equal normalised weights.
std::vector<double> equal_weights(std::size_t n);

/// Estimates a density over categorical assignments as the tree-structured Parzen estimator does (Bergstra et al.,
/// NeurIPS 2011; Watanabe, arXiv 2304.11127, with prior weight 1): a mixture with one kernel per observation and a
/// uniform prior kernel. With K kernels and C choices a kernel gives choice c the mass (1/K + [c is its own]) / (1 +
/// C/K); kernels are products over the dimensions. Equal to Optuna's categorical densities to rounding.
class ParzenMixture {
 public:
  /// `rows` are the observations, oldest first; `weights` has one more entry, the prior's, and sums to 1.
  ParzenMixture(std::vector<std::int64_t> sizes, const std::vector<const Assignment*>& rows,
                std::vector<double> weights);

  /// Draws from the joint density: one kernel for all dimensions.
  Assignment draw(RandomStream& stream) const;
  /// Returns the natural logarithm of the joint density.
  double log_density(const Assignment& assignment) const;
  /// Returns the density of one dimension alone, [choices].
  std::vector<double> marginal(std::size_t dimension) const;

 private:
  std::size_t kernel(double uniform) const;

  std::vector<std::int64_t> sizes_;
  std::vector<std::vector<std::int32_t>> columns_;  ///< [dimension][observation]
  std::vector<double> weights_;
  std::vector<double> cumulative_;
  double log_match_ = 0;  ///< log of what a matching choice adds: K + 1
  double log_base_ = 0;   ///< log density of an observation's kernel where nothing matches
  double log_prior_ = 0;  ///< log density of the prior kernel
};

}  // namespace lathe::sampler
