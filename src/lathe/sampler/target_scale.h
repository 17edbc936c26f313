#pragma once

#include <span>
#include <vector>

namespace lathe::sampler {

/// Turns losses into targets of mean 0 and variance 1 for a Gaussian process: y = log(1 + (loss - least) / c), c what
/// lies between the least and the quantile 0.9, then standardised. Differences among good trials count, and a few
/// losses that are worse by orders of magnitude do not spoil the fit. Infinite losses count as the worst finite ones.
std::vector<double> loss_targets(std::span<const double> losses);

/// Turns values of a constraint (met where at most 0) into targets: asinh(value / median of |value|), so that 0 stays.
std::vector<double> constraint_targets(std::span<const double> values);

}  // namespace lathe::sampler
