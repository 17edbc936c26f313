#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "lathe/base/random.h"

namespace lathe::sampler {

/// Holds the numeric genes of one individual as places in [0, 1] (unit_of in draw.h).
using Genes = std::vector<double>;

/// Holds what the numeric operators are tuned by.
struct CrossoverSettings {
  double swapping_prob = 0.5;  ///< uniform: a gene comes from the first parent
  double alpha = 0.5;          ///< blxalpha: the box of the parents is widened by alpha times its width
  double eta = 2;              ///< sbx, vsbx: the larger, the nearer children stay to their parents
};

/// Describes a crossover of numeric genes. The child may leave [0, 1]; then it has to be bred anew.
struct Crossover {
  std::string name;
  std::size_t parents = 2;
  Genes (*cross)(std::span<const Genes> parents, const CrossoverSettings& settings, RandomStream& stream);
};

/// Lists the operators:
/// - uniform: each gene from one of two parents.
/// - blxalpha: Eshelman and Schaffer, "Real-coded genetic algorithms and interval-schemata", FOGA 2, 1993.
/// - sbx: Deb and Agrawal, "Simulated binary crossover for continuous search space", Complex Systems 9, 1995, the
///   variant with bounds; each gene is crossed with probability 0.5; one of the two children.
/// - spx: Tsutsui, Yamamura, Higuchi, "Multi-parent recombination with simplex crossover", GECCO 1999; three parents.
/// - undx: Ono and Kobayashi, "A real-coded genetic algorithm for function optimization using unimodal normal
///   distribution crossover", ICGA 1997; three parents, deviations 0.5 and 0.35 / sqrt(genes).
/// - vsbx: Ballester and Carter, "Real-parameter genetic algorithms for finding multiple optimal solutions in
///   multi-modal optimization", GECCO 2003; each gene from one of the two children.
const std::vector<Crossover>& crossovers();
/// Finds one by name; InternalError for an unknown one (the options are checked before).
const Crossover& crossover(const std::string& name);

}  // namespace lathe::sampler
