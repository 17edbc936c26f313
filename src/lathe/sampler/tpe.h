#pragma once

#include "lathe/sampler/sampler.h"

namespace lathe::sampler {

/// Declares the tree-structured Parzen estimator with the formulas and defaults of Optuna 5.0, or of 3.1 by `revision`:
/// 10 random trials first, 24 candidates, good trials by tpe_split.h, densities by parzen.h. Multivariate (one
/// objective): all parameters that every ended trial has are chosen jointly, the others each by itself. `group`: what
/// always occurs together is chosen jointly. The trials that still run count as bad (constant liar). Deviations: a
/// point that was proposed before is never proposed again on a finite space (the best-scored new candidate is taken;
/// `deduplicate = false` restores repeats). In univariate mode equal numbers share their weight evenly between kernels
/// of different width, where Optuna's order of ties is not defined. State is kept incrementally: with categorical
/// parameters univariate asks do not look at the trials at all, joint ones cost a few operations per trial. About 200
/// bytes per trial of 12 parameters.
SamplerKind tpe_kind();

}  // namespace lathe::sampler
