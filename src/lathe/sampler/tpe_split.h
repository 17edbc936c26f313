#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lathe/sampler/sampler.h"

namespace lathe::sampler {

/// Holds indices into the list of trials that was split, ascending.
struct TpeSplit {
  std::vector<std::size_t> below;  ///< the good trials
  std::vector<std::size_t> above;  ///< all others that count
};

/// Splits ended trials for TPE as Optuna 5.0 does. Complete and pruned trials count, failed ones do not. One objective:
/// the first `count` by value (ties to the older), pruned trials last. Several: whole non-dominated ranks while they
/// fit, the rest of the next rank by hypervolume. `count` is capped at the number of trials that count.
TpeSplit split_trials(std::span<const FinishedTrial> trials, const std::vector<Direction>& directions,
                      std::size_t count);

/// Returns how many of n trials are good: ceil(n / 10), for one objective at most 25.
std::size_t good_count(std::size_t n, std::size_t objectives);

}  // namespace lathe::sampler
