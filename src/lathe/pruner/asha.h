#pragma once

#include "lathe/pruner/pruner.h"
#include "lathe/pruner/rungs.h"

namespace lathe::pruner {

/// Asynchronous successive halving (Li et al., "A system for massively parallel hyperparameter tuning", MLSys 2020,
/// arXiv:1810.05934, algorithm 2, in the stopping form of Optuna's SuccessiveHalvingPruner): of the trials that reached
/// a rung, a trial goes on when it is among the best 1 / reduction_factor so far. Unlike Optuna's, an automatic
/// min_resource counts the trials that ended before it was known; and a report that takes a trial into several rungs
/// counts only in the first of them when the trial was pruned there.
PrunerKind asha_kind();

/// Decides as Pruner::prune does, among chosen trials with reports: those of a bracket of hyperband.
bool halving_ends(const HalvingOptions& options, Direction direction, std::span<const Report> own,
                  std::span<const FinishedTrial* const> competing);

}  // namespace lathe::pruner
