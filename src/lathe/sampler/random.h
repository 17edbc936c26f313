#pragma once

#include "lathe/sampler/sampler.h"

namespace lathe::sampler {

/// Declares uniform sampling, parameter by parameter (all values alike, numbers with `log` uniformly in the logarithm),
/// every point at most once. Where that makes all points of a finite space equally likely (no conditions, no
/// logarithmic integers) trial t is point t of a pseudo-random permutation; else, and with `deduplicate = false`,
/// trials are independent draws, repeated while they give a point that was drawn before.
SamplerKind random_kind();

}  // namespace lathe::sampler
