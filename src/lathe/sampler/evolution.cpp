#include <algorithm>

#include "lathe/sampler/breeding.h"
#include "lathe/sampler/elite.h"
#include "lathe/sampler/failed_region.h"
#include "lathe/sampler/options.h"
#include "lathe/sampler/sampler.h"

namespace lathe::sampler {
namespace {

constexpr int kTries = 8;
constexpr int kFurtherMutations = 32;

struct EvolutionOptions {
  std::int64_t population_size = 20;
  std::int64_t sample_size = 20;
  double crossover_prob = 1;
  double further_mutation_prob = 0.2;
  std::string mutation = "mixed";
  bool aging = false;
  bool deduplicate = true;
};

const std::vector<config::Field<EvolutionOptions>>& evolution_fields() {
  static const std::vector<config::Field<EvolutionOptions>> fields{
      config::field("population_size", &EvolutionOptions::population_size, "individuals that may have children",
                    config::between(1, 1e6)),
      config::field("sample_size", &EvolutionOptions::sample_size,
                    "individuals of which the best has the child: more is greedier", config::between(1, 1e6)),
      config::field("crossover_prob", &EvolutionOptions::crossover_prob,
                    "that the child takes each parameter from one of two parents before it is mutated",
                    config::between(0, 1)),
      config::field("further_mutation_prob", &EvolutionOptions::further_mutation_prob,
                    "that after a parameter was changed another one is", config::between(0, 0.95)),
      config::choice_field("mutation", &EvolutionOptions::mutation, mutation_names(),
                           "what a mutation does: any other value; on numbers a step nearby or a polynomial one; "
                           "mixed: other or nearby"),
      config::field("aging", &EvolutionOptions::aging, "the oldest individual dies; false: the worst"),
      config::field("deduplicate", &EvolutionOptions::deduplicate, "never propose a point again")};
  return fields;
}

class Evolution final : public Sampler {
 public:
  explicit Evolution(const SamplerSettings& settings)
      : seed_(settings.seed),
        directions_(settings.directions),
        options_(read_options(settings, evolution_fields())),
        size_(static_cast<std::size_t>(options_.population_size)),
        breeder_(settings.space, {.mutation_prob = 0, .mutation = options_.mutation}, 2),
        free_(settings.space, options_.deduplicate, seed_, "sampler evolution order"),
        failed_(settings.space) {}

  std::optional<Assignment> ask(std::int64_t number) override {
    if (free_.exhausted()) return std::nullopt;
    RandomStream stream(seed_, {static_cast<std::uint64_t>(number)}, "sampler evolution");
    const bool starting = number < options_.population_size || 2 * population_.size() < size_;
    return starting || population_.empty() ? failed_.draw(free_, stream) : free_child(stream);
  }

  void announce(std::int64_t, const Assignment& assignment) override { free_.take(assignment); }

  void tell(const FinishedTrial& trial) override {
    failed_.tell(trial);
    auto individual = individual_of(trial, directions_);
    if (!individual) return;
    population_.push_back(std::move(*individual));
    if (population_.size() > size_) bury_one();
  }

 private:
  void bury_one() {
    std::size_t buried = 0;
    if (!options_.aging) {
      const std::vector<std::size_t> kept = elite_by_crowding(points_of(population_), size_);
      while (buried < kept.size() && kept[buried] == buried) ++buried;
    }
    population_.erase(population_.begin() + static_cast<std::ptrdiff_t>(buried));
  }

  /// Returns the best of a random sample.
  const Individual& parent(RandomStream& stream) const {
    std::vector<const Individual*> best;
    for (std::int64_t i = 0; i < options_.sample_size; ++i) {
      const Individual& drawn = population_[stream.below(population_.size())];
      if (std::any_of(best.begin(), best.end(),
                      [&](const Individual* other) { return constrained_dominates(other->point, drawn.point); })) {
        continue;
      }
      std::erase_if(best, [&](const Individual* other) { return constrained_dominates(drawn.point, other->point); });
      best.push_back(&drawn);
    }
    return *best[stream.below(best.size())];
  }

  Assignment free_child(RandomStream& stream) {
    Assignment child;
    std::optional<Assignment> suspect;
    for (int i = 0; i < kTries; ++i) {
      const Individual& first = parent(stream);
      child = first.assignment;
      if (stream.uniform() < options_.crossover_prob) child = breeder_.child({first, parent(stream)}, stream);
      do {
        child = breeder_.mutated_once(child, stream);
      } while (stream.uniform() < options_.further_mutation_prob);
      if (!free_.is_free(child)) continue;
      if (!failed_.suspects(child)) return child;
      if (!suspect) suspect = child;
    }
    if (suspect) return *suspect;
    for (int i = 0; i < kFurtherMutations; ++i) {
      child = breeder_.mutated_once(child, stream);
      if (free_.is_free(child)) return child;
    }
    return failed_.draw(free_, stream);
  }

  std::uint64_t seed_;
  std::vector<Direction> directions_;
  EvolutionOptions options_;
  std::size_t size_;
  Breeder breeder_;
  FreePoints free_;
  FailedRegion failed_;
  std::vector<Individual> population_;  ///< oldest first
};

std::unique_ptr<Sampler> make(const SamplerSettings& settings) { return std::make_unique<Evolution>(settings); }

}  // namespace

// Declares evolution in the manner of Real, Aggarwal, Huang, Le, "Regularized evolution for image classifier
// architecture search" (AAAI 2019): a child is the best of `sample_size` random individuals (drawn with replacement)
// of the population with one parameter changed, and another one with probability further_mutation_prob, and so on.
// With several objectives the best is a non-dominated one of the sample, a random one of equals. The first
// population_size trials are random points. Nothing is repeated: a child that was proposed before is made anew or
// changed further. Their algorithm 1 is `aging = true` (the oldest individual dies), `crossover_prob = 0`,
// `further_mutation_prob = 0`, population_size 100, sample_size 25. The defaults are better where a few hundred trials
// can be paid: the worst individual dies (by elite.h), and two such parents are crossed uniformly first.
SamplerKind evolution_kind() {
  return {.name = "evolution",
          .aliases = {"regularized_evolution", "regularised_evolution", "aging_evolution"},
          .description = "regularised evolution: the best of a few recent trials, one choice changed",
          .options = describe(evolution_fields()),
          .make = make};
}

}  // namespace lathe::sampler
