#pragma once

#include "lathe/sampler/sampler.h"

namespace lathe::sampler {

/// Declares uniform sampling. Without replacement by default (trial t is point t of a pseudo-random permutation of the
/// space); with `deduplicate = false`, and on spaces of more than 2^62 points, independent draws.
SamplerKind random_kind();

}  // namespace lathe::sampler
