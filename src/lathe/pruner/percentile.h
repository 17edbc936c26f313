#pragma once

#include "lathe/pruner/pruner.h"

namespace lathe::pruner {

/// Ends trials whose best value so far is worse than a percentile (linear interpolation) of the finished trials' values
/// at the same step; Optuna's PercentilePruner.
PrunerKind percentile_kind();
/// The same with the median; Optuna's MedianPruner, with Vizier's median stopping rule as its model (Golovin et al.,
/// KDD 2017, section 3.2.2).
PrunerKind median_kind();

}  // namespace lathe::pruner
