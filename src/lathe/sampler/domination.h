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

/// Returns the non-dominated rank of each point (0: on the front; 1: on the front of what is left; ...). Equal points
/// share a rank. No value may be NaN.
std::vector<std::size_t> non_dominated_ranks(const std::vector<Losses>& points);

}  // namespace lathe::sampler
