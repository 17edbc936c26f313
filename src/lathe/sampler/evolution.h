#pragma once

#include "lathe/sampler/sampler.h"

namespace lathe::sampler {

/// Declares evolution in the manner of Real, Aggarwal, Huang, Le, "Regularized evolution for image classifier
/// architecture search" (AAAI 2019): a child is the best of `sample_size` random individuals (drawn with replacement)
/// of the population with one parameter changed, and another one with probability further_mutation_prob, and so on.
/// With several objectives the best is a non-dominated one of the sample, a random one of equals. The first
/// population_size trials are random points. Nothing is repeated: a child that was proposed before is made anew or
/// changed further. Their algorithm 1 is `aging = true` (the oldest individual dies), `crossover_prob = 0`,
/// `further_mutation_prob = 0`, population_size 100, sample_size 25. The defaults are better where a few hundred trials
/// can be paid: the worst individual dies (by elite.h), and two such parents are crossed uniformly first.
SamplerKind evolution_kind();

}  // namespace lathe::sampler
