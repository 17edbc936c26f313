#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "lathe/pruner/pruner.h"

namespace lathe::pruner {

/// Returns how many of the rungs min_resource * reduction_factor^r lie below max_resource.
std::int64_t front_rungs(std::int64_t min_resource, std::int64_t reduction_factor, std::int64_t max_resource);

/// Returns the least number of complete calibration trials with which `front` can drop anything.
std::int64_t least_calibration(double confidence, std::int64_t rungs, std::int64_t measured_objectives);

/// Returns the k-th smallest of the gains, k = ceil((n + 1) * (1 - share)): an upper bound that a further exchangeable
/// gain exceeds with probability at most `share`. Infinite where k > n. NaN gains count as infinite.
double conformal_bound(std::vector<double> gains, double share);

}  // namespace lathe::pruner
