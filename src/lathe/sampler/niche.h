#pragma once

#include <cstddef>
#include <vector>

#include "lathe/base/random.h"
#include "lathe/sampler/domination.h"

namespace lathe::sampler {

/// Returns the reference points of Das and Dennis: all ways to give `divisions` units to the objectives, as counts, the
/// first objective's falling first: C(objectives + divisions - 1, divisions) points.
std::vector<Losses> reference_points(std::size_t objectives, std::size_t divisions);

/// Moves points to where the ideal point is the origin and the extreme points along the axes lie at distance 1 (Deb and
/// Jain 2014, IV-C). Infinite values become the finite extremes and three ranges more. Where the extreme points span no
/// proper hyperplane, each objective is divided by its maximum.
std::vector<Losses> normalised_points(std::vector<Losses> points);

/// Chooses `missing` of the points from `chosen` on; the first `chosen` are in already. Each point belongs to the
/// nearest reference line; the niche with the fewest chosen members is filled next (a random one of equals): by its
/// nearest member if it has none yet, else by a random one. Returns indices in the order of choice.
std::vector<std::size_t> fill_niches(const std::vector<Losses>& points, std::size_t chosen, std::size_t missing,
                                     const std::vector<Losses>& references, RandomStream& stream);

}  // namespace lathe::sampler
