#pragma once

#include "lathe/base/random.h"
#include "lathe/parameter/space.h"

namespace lathe::sampler {

/// Draws the code of one parameter uniformly: all values alike; numbers with `log` uniformly in the logarithm, integers
/// there with half a step added at both ends. A continuous float never is `high` unless low = high.
double draw_code(const parameter::Distribution& distribution, RandomStream& stream);

/// Draws every parameter of a space that is active, in order.
parameter::Assignment draw_assignment(const parameter::Space& space, RandomStream& stream);

}  // namespace lathe::sampler
