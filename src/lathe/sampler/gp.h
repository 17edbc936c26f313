#pragma once

#include "lathe/sampler/sampler.h"

namespace lathe::sampler {

/// Declares Bayesian optimisation with Gaussian processes (gaussian_process.h) on any space, finite, numeric or
/// conditional. The first n_startup_trials form a Latin hypercube. Then the next trial maximises, by climbing along
/// changes of one parameter (local_search.h) from the best trials and from random points: for one objective the
/// logarithm of the expected improvement; for two the expected hypervolume improvement, exactly, below the front's
/// worst values and its range beyond them; for more the expected improvement of a random Chebyshev scalarisation. Each
/// constraint has a process of its own, and the logarithm of the probability that all are met is added; alone while no
/// trial has met them. Trials in flight count as if they had returned what was predicted (kriging believer). A pruned
/// trial counts with its last report, though not as better than the median; a failed one not at all. Nothing is
/// repeated on a finite space unless `deduplicate = false`.
/// A trial costs O(n^2), a fit O(n^3), n at most about max_observations: the best and the newest (surrogate.h).
/// Deterministic to the bit on machines whose libm and instruction set are alike; single threaded.
SamplerKind gp_kind();

}  // namespace lathe::sampler
