#pragma once

#include <vector>

#include "lathe/sampler/domination.h"

namespace lathe::sampler {

/// Computes the volume that the points dominate below `reference` (all objectives minimised). Points that do not
/// dominate the reference add nothing. Exact: a sweep for two objectives, exclusive volumes for more (While,
/// Bradstreet, Barone, "A fast way of calculating exact hypervolumes", IEEE TEC 16(1), 2012).
double hypervolume(std::vector<Losses> points, const Losses& reference);

/// Returns the reference point of a set: max(1.1 w, 0.9 w) per objective, w its worst value, 1e-12 where that is zero.
Losses reference_point(const std::vector<Losses>& points);

/// Chooses `count` of mutually non-dominated points, greedily by hypervolume contribution (Guerreiro, Fonseca, Paquete,
/// "Greedy hypervolume subset selection in low dimensions", Evol. Comp. 24(3), 2016); ties to the lexicographically
/// smaller point. Distinct points come first; repeated ones fill up. Returns ascending indices.
std::vector<std::size_t> select_by_hypervolume(const std::vector<Losses>& points, std::size_t count,
                                               const Losses& reference);

}  // namespace lathe::sampler
