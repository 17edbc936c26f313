#pragma once

#include <optional>
#include <vector>

#include "lathe/sampler/domination.h"
#include "lathe/sampler/sampler.h"

namespace lathe::sampler {

/// Holds an ended trial as evolutionary samplers see it.
struct Individual {
  Assignment assignment;
  ConstrainedPoint point;
};

/// Makes an individual of a trial that may have offspring: a complete one without NaN, or one that was pruned for
/// violating its constraints. Returns nullopt for all others.
std::optional<Individual> individual_of(const FinishedTrial& trial, const std::vector<Direction>& directions);

std::vector<ConstrainedPoint> points_of(const std::vector<Individual>& individuals);

}  // namespace lathe::sampler
