#pragma once

#include "lathe/sampler/sampler.h"

namespace lathe::sampler {

/// Declares the tree-structured Parzen estimator on categorical choices, with the defaults of Optuna 5.0: multivariate
/// for one objective and univariate for several, 10 random trials first, 24 candidates, good trials by tpe_split.h,
/// densities by parzen.h, the trials that still run counted as bad (constant liar). Deviations: a point that was
/// proposed before is never proposed again on a finite space (the best-scored new candidate is taken instead;
/// `deduplicate = false` restores repeats). Trials in flight are known without asking anybody: their proposals are
/// recomputed from the trials that were told when they were asked, so that a resumed study goes on alike.
SamplerKind tpe_kind();

}  // namespace lathe::sampler
