#pragma once

#include "lathe/base/random.h"
#include "lathe/parameter/distribution.h"

namespace lathe::sampler {

/// Tells whether neighbouring codes are alike: numbers, and categorical parameters whose choices are ascending numbers.
bool is_ordered(const parameter::Distribution& distribution);

/// Draws any other value of a parameter, all alike (numbers with `log`: in the logarithm); its only value where it has
/// one.
double other_value(const parameter::Distribution& distribution, double code, RandomStream& stream);

/// Draws a value near `code`: k values away in a random direction, k = 1 with probability 1/2, 2 with 1/4, ..., turned
/// back at the ends; on a continuous range a normal step of a tenth of it. Parameters without an order: any other
/// value.
double nearby_value(const parameter::Distribution& distribution, double code, RandomStream& stream);

/// Draws by polynomial mutation (Deb and Goyal, "A combined genetic adaptive search (GeneAS) for engineering design",
/// 1996, bounded) with index `eta`; may return `code` itself. Categorical parameters: any other value.
double polynomial_value(const parameter::Distribution& distribution, double code, double eta, RandomStream& stream);

}  // namespace lathe::sampler
