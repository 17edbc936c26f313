#pragma once

#include <cstddef>
#include <functional>
#include <vector>

#include "lathe/base/random.h"
#include "lathe/sampler/domination.h"

namespace lathe::sampler {

/// Chooses `count` points as NSGA-II does (Deb et al., IEEE TEC 6(2), 2002): whole ranks of constrained_ranks while
/// they fit, the rest of the next rank by crowding distance, the largest first (points that were pruned and so have no
/// losses: the oldest first). Returns ascending indices; all of them where there are no more than `count`.
std::vector<std::size_t> elite_by_crowding(const std::vector<ConstrainedPoint>& points, std::size_t count);

/// Chooses `count` points as NSGA-III does (Deb and Jain, "An evolutionary many-objective optimization algorithm using
/// reference-point-based nondominated sorting approach, part I", IEEE TEC 18(4), 2014): as above, but the next rank by
/// niches around `references` (niche.h). Draws from `stream`.
std::vector<std::size_t> elite_by_niches(const std::vector<ConstrainedPoint>& points, std::size_t count,
                                         const std::vector<Losses>& references, RandomStream& stream);

}  // namespace lathe::sampler
