#pragma once

#include "lathe/pruner/pruner.h"

namespace lathe::pruner {

/// Ends trials whose value leaves [lower, upper] or is not a number; Optuna's ThresholdPruner. The bounds are those of
/// the objective, scaled as in `[search.strategy.metrics]`.
PrunerKind threshold_kind();

}  // namespace lathe::pruner
