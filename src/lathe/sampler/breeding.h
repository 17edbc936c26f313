#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lathe/base/random.h"
#include "lathe/parameter/space.h"
#include "lathe/sampler/crossover.h"
#include "lathe/sampler/failed_region.h"
#include "lathe/sampler/free_points.h"
#include "lathe/sampler/individual.h"

namespace lathe::sampler {

/// Holds how children are made. Probabilities in [0, 1].
struct BreedingOptions {
  std::string crossover = "uniform";         ///< of numeric parameters; a name of crossovers()
  double crossover_prob = 0.9;               ///< else the child is a copy of one parent
  double swapping_prob = 0.5;                ///< that a gene crossed uniformly comes from the first parent
  std::optional<double> mutation_prob = {};  ///< per parameter; not given: 1 / number of the child's parameters
  std::string mutation = "other";            ///< a name of mutation_names()
  double mutation_eta = 20;                  ///< of polynomial mutation
};

/// Lists the ways to mutate: other (any other value), nearby (a step on numbers), polynomial, mixed (other or nearby,
/// half each).
const std::vector<std::string>& mutation_names();

/// Makes children on spaces with categorical, numeric and conditional parameters. Draws from the streams it is given
/// alone.
class Breeder {
 public:
  /// `eta` is the index of sbx and vsbx.
  Breeder(parameter::Space space, BreedingOptions options, double eta);

  /// Crosses parents chosen by binary tournament (two random ones; the first wins if it dominates), then mutates.
  /// Categorical parameters come from the first or the last parent; numeric ones that all parents have by the crossover
  /// (bred anew up to 16 times while a child leaves the space, then clipped); parameters that some parents lack from
  /// one that has them. What is active in the child and had by none is drawn. `parents` must not be empty.
  Assignment child(const std::vector<Individual>& parents, RandomStream& stream) const;

  /// Breeds a child that is free: up to 8 children, then the last one mutated once more, up to 32 times, then a random
  /// point. Of the 8 those that are not suspect go first.
  Assignment free_child(const std::vector<Individual>& parents, FreePoints& free, const FailedRegion& failed,
                        RandomStream& stream) const;

  /// Changes one random active parameter (that has several values); what becomes active is drawn.
  Assignment mutated_once(const Assignment& assignment, RandomStream& stream) const;

 private:
  Assignment crossed(const std::vector<const Individual*>& chosen, RandomStream& stream, bool clip, bool& inside) const;
  double mutated(std::size_t i, double code, RandomStream& stream) const;
  Assignment completed(const Assignment& genes, double mutation_prob, RandomStream& stream) const;

  parameter::Space space_;
  BreedingOptions options_;
  const Crossover* crossover_;
  CrossoverSettings crossover_settings_;
  std::vector<std::size_t> numeric_;  ///< parameters that the crossover of numbers serves
};

}  // namespace lathe::sampler
