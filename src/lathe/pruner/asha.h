#pragma once

#include "lathe/pruner/pruner.h"
#include "lathe/pruner/rungs.h"

namespace lathe::pruner {

/// Decides as Pruner::prune does, among chosen trials with reports: those of a bracket of hyperband.
bool halving_ends(const HalvingOptions& options, Direction direction, std::span<const Report> own,
                  std::span<const FinishedTrial* const> competing);

}  // namespace lathe::pruner
