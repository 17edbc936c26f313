#pragma once

#include "lathe/base/random.h"
#include "lathe/parameter/space.h"

namespace lathe::sampler {

/// Draws the code of one parameter uniformly: all values alike; numbers with `log` uniformly in the logarithm, integers
/// there with half a step added at both ends. A continuous float never is `high` unless low = high.
double draw_code(const parameter::Distribution& distribution, RandomStream& stream);

/// Maps [0, 1) to the values of a parameter in equal shares, numbers with `log` as draw_code does.
double code_at(const parameter::Distribution& distribution, double unit);
/// Returns the place of a code in [0, 1]: the middle of the share that code_at gives it.
double unit_of(const parameter::Distribution& distribution, double code);

/// Draws every parameter of a space that is active, in order.
parameter::Assignment draw_assignment(const parameter::Space& space, RandomStream& stream);

}  // namespace lathe::sampler
