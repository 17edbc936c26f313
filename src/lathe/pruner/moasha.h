#pragma once

#include "lathe/pruner/pruner.h"

namespace lathe::pruner {

/// Asynchronous successive halving for several objectives (Schmucker, Donini, Zafar, Salinas, Archambeau,
/// "Multi-objective asynchronous successive halving", 2021, arXiv:2106.12639): the trials of a rung are ranked by
/// non-dominated sorting, those of one rank by crowding distance (Deb et al., NSGA-II, IEEE TEC 6(2), 2002) or by a
/// greedy choice for hypervolume, and the best 1 / reduction_factor go on. (The paper breaks ties by epsilon-nets.)
/// With one objective it decides as asha does.
PrunerKind moasha_kind();

}  // namespace lathe::pruner
