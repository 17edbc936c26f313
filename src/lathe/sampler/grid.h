#pragma once

#include "lathe/sampler/sampler.h"

namespace lathe::sampler {

/// Declares exhaustive search in lexicographic order of the assignments: the last dimension of the file changes
/// fastest.
SamplerKind grid_kind();

}  // namespace lathe::sampler
