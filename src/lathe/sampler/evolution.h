#pragma once

#include "lathe/sampler/sampler.h"

namespace lathe::sampler {

/// Declares regularised evolution (Real, Aggarwal, Huang, Le, "Regularized evolution for image classifier architecture
/// search", AAAI 2019, algorithm 1): the population is the last `population_size` individuals told; a child is the best
/// of `sample_size` random ones of them with one parameter changed. With `aging = false` the worst individual dies in
/// place of the oldest. Several objectives: the best is a non-dominated one of the sample, a random one of equals. The
/// first population_size trials are random points. Nothing is repeated, as in nsga.h.
SamplerKind evolution_kind();

}  // namespace lathe::sampler
