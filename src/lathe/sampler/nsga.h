#pragma once

#include "lathe/sampler/sampler.h"

namespace lathe::sampler {

/// Declares the genetic algorithm NSGA-II (Deb et al., IEEE TEC 6(2), 2002) in Optuna's form: parents of a generation
/// are the elite (elite.h) of the last `population_size` individuals told and of the parents before; children by
/// breeding.h. The first population_size trials are random points. Every individual that is told counts, in the order
/// of the trials, whatever generation it was bred in, so that the parents are a function of the told trials alone.
/// Trials that failed, and pruned ones that met their constraints, are passed over.
/// Deviations: after the first generation the parents are chosen anew after every `offspring` individuals, a tenth of a
/// generation (as steady-state variants do: Durillo et al., "On the effect of the steady-state selection scheme in
/// multi-objective genetic algorithms", EMO 2009; `offspring = population_size` gives whole generations); a child that
/// was proposed before is bred anew or mutated further, so that nothing is repeated
/// (`deduplicate = false` restores repeats); a mutation always changes the value; a conditional parameter that one
/// parent lacks comes from the other; undx uses the published deviations.
SamplerKind nsgaii_kind();

/// Declares NSGA-III (Deb and Jain, IEEE TEC 18(4), 2014): as nsgaii, with niches around reference points in place of
/// the crowding distance. Maximised objectives are negated before they are normalised.
SamplerKind nsgaiii_kind();

}  // namespace lathe::sampler
