#pragma once

#include "lathe/sampler/sampler.h"

namespace lathe::sampler {

/// Declares quasi-Monte Carlo sampling: trial t takes point t of Sobol's or Halton's sequence, one coordinate per
/// parameter (conditional parameters that are not active leave theirs unused). Finite parameters take equal shares of
/// the coordinate. A point whose assignment was given to a trial before is passed over: trial t takes the first free
/// one of the points t .. 16 t + 4095, or where these cover no free assignment a random one.
SamplerKind qmc_kind();

}  // namespace lathe::sampler
