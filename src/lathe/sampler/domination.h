#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "lathe/sampler/sampler.h"

namespace lathe::sampler {

/// Holds one value per objective, all to be minimised.
using Losses = std::vector<double>;

/// Turns measured values into losses: maximised objectives are negated.
Losses to_losses(std::span<const double> values, const std::vector<Direction>& directions);

/// Tells whether `left` is nowhere worse and somewhere better than `right`.
bool dominates(const Losses& left, const Losses& right);

/// Returns the non-dominated rank of each point (0: on the front; 1: on the front of what is left; ...). Equal points
/// share a rank. No value may be NaN. O(n log n) for up to two objectives; for more the efficient non-dominated sort
/// with binary search (Zhang, Tian, Cheng, Jin, IEEE TEC 19(2), 2015).
std::vector<std::size_t> non_dominated_ranks(const std::vector<Losses>& points);

/// Holds a point and how much it violates its constraints.
struct ConstrainedPoint {
  Losses losses;         ///< may be empty where `violation` is above 0
  double violation = 0;  ///< 0: feasible
};

/// Tells whether `left` beats `right` (Deb's constrained domination): feasible beats infeasible; of two infeasible ones
/// the smaller violation; of two feasible ones the one that dominates.
bool constrained_dominates(const ConstrainedPoint& left, const ConstrainedPoint& right);

/// Ranks feasible points by non-domination, then infeasible ones by their violation, each distinct one a rank of its
/// own.
std::vector<std::size_t> constrained_ranks(const std::vector<ConstrainedPoint>& points);

/// Computes the crowding distance (Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE TEC
/// 6(2), 2002) of mutually non-dominated points: the gap between the two neighbours over the range of the finite values
/// (1 where that is empty), summed over the objectives; infinite at the ends; objectives in which all are equal do not
/// count.
std::vector<double> crowding_distances(const std::vector<Losses>& points);

}  // namespace lathe::sampler
