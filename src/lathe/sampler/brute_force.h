#pragma once

#include "lathe/sampler/sampler.h"

namespace lathe::sampler {

/// Declares exhaustive search in pseudo-random order: a study that is stopped early has seen a uniform sample. The
/// space is never materialised; 2^60 points are fine.
SamplerKind brute_force_kind();

}  // namespace lathe::sampler
