#include <algorithm>

#include "lathe/sampler/breeding.h"
#include "lathe/sampler/elite.h"
#include "lathe/sampler/failed_region.h"
#include "lathe/sampler/niche.h"
#include "lathe/sampler/options.h"
#include "lathe/sampler/sampler.h"

namespace lathe::sampler {
namespace {

constexpr double kEtaOfOneObjective = 2;
constexpr double kEtaOfSeveral = 20;

struct NsgaOptions : BreedingOptions {
  std::int64_t population_size = 50;
  std::optional<std::int64_t> offspring;  ///< not given: population_size / 10, at least 1
  std::int64_t dividing_parameter = 3;
  bool deduplicate = true;
};

template <typename T>
config::Field<NsgaOptions> breeding_field(const char* name, T BreedingOptions::*member, const char* description,
                                          config::Bounds bounds = {}) {
  return config::field<NsgaOptions>(name, static_cast<T NsgaOptions::*>(member), description, bounds);
}

std::vector<std::string> crossover_names() {
  std::vector<std::string> names;
  for (const Crossover& operation : crossovers()) names.push_back(operation.name);
  return names;
}

const std::vector<config::Field<NsgaOptions>>& nsgaii_fields() {
  static const std::vector<config::Field<NsgaOptions>> fields{
      config::field("population_size", &NsgaOptions::population_size, "individuals per generation",
                    config::between(2, 1e6)),
      config::field("offspring", &NsgaOptions::offspring,
                    "individuals told until parents are chosen anew; population_size: whole generations; \"NA\": a "
                    "tenth of that",
                    config::at_least(1)),
      config::choice_field<NsgaOptions>("crossover", &NsgaOptions::crossover, crossover_names(),
                                        "how numeric parameters are crossed; categorical ones always uniformly"),
      breeding_field("crossover_prob", &BreedingOptions::crossover_prob, "else a child is a mutated copy of one parent",
                     config::between(0, 1)),
      breeding_field("swapping_prob", &BreedingOptions::swapping_prob,
                     "that uniform crossover takes a parameter from the first parent", config::between(0, 1)),
      breeding_field("mutation_prob", &BreedingOptions::mutation_prob,
                     "per parameter; \"NA\": 1 / number of the child's parameters", config::between(0, 1)),
      config::choice_field<NsgaOptions>("mutation", &NsgaOptions::mutation, mutation_names(),
                                        "what a mutation does: any other value; on numbers a step nearby or a "
                                        "polynomial one; mixed: other or nearby"),
      breeding_field("mutation_eta", &BreedingOptions::mutation_eta, "index of polynomial mutation: larger is nearer",
                     config::at_least(0)),
      config::field("deduplicate", &NsgaOptions::deduplicate, "never propose a point again")};
  return fields;
}

const std::vector<config::Field<NsgaOptions>>& nsgaiii_fields() {
  static const std::vector<config::Field<NsgaOptions>> fields = [] {
    auto list = nsgaii_fields();
    list.push_back(config::field("dividing_parameter", &NsgaOptions::dividing_parameter,
                                 "divisions of each axis by the reference points", config::between(1, 100)));
    return list;
  }();
  return fields;
}

class Nsga : public Sampler {
 public:
  Nsga(const SamplerSettings& settings, const NsgaOptions& options)
      : seed_(settings.seed),
        directions_(settings.directions),
        size_(static_cast<std::size_t>(options.population_size)),
        offspring_(static_cast<std::size_t>(
            options.offspring.value_or(std::max<std::int64_t>(1, options.population_size / 10)))),
        breeder_(settings.space, options, directions_.size() == 1 ? kEtaOfOneObjective : kEtaOfSeveral),
        free_(settings.space, options.deduplicate, seed_, "sampler nsga order"),
        failed_(settings.space) {}

  std::optional<Assignment> ask(std::int64_t number) override {
    if (free_.exhausted()) return std::nullopt;
    RandomStream stream(seed_, {static_cast<std::uint64_t>(number)}, "sampler nsga");
    const std::vector<Individual>& parents = parents_.empty() ? told_ : parents_;
    const bool starting = number < static_cast<std::int64_t>(size_) || 2 * parents.size() < size_;
    return starting ? failed_.draw(free_, stream) : breeder_.free_child(parents, free_, failed_, stream);
  }

  void announce(std::int64_t, const Assignment& assignment) override { free_.take(assignment); }

  void tell(const FinishedTrial& trial) override {
    failed_.tell(trial);
    auto individual = individual_of(trial, directions_);
    if (!individual) return;
    told_.push_back(std::move(*individual));
    if (told_.size() == (parents_.empty() ? size_ : offspring_)) next_generation();
  }

 protected:
  virtual std::vector<std::size_t> elite(const std::vector<ConstrainedPoint>& points, std::size_t count,
                                         RandomStream& stream) const {
    static_cast<void>(stream);
    return elite_by_crowding(points, count);
  }

 private:
  void next_generation() {
    std::vector<Individual> pool = std::move(told_);
    pool.insert(pool.end(), parents_.begin(), parents_.end());
    RandomStream stream(seed_, {++generation_}, "sampler nsga elite");
    parents_.clear();
    for (const std::size_t index : elite(points_of(pool), size_, stream)) parents_.push_back(std::move(pool[index]));
    told_.clear();
  }

  std::uint64_t seed_;
  std::vector<Direction> directions_;
  std::size_t size_;
  std::size_t offspring_;
  Breeder breeder_;
  FreePoints free_;
  FailedRegion failed_;
  std::uint64_t generation_ = 0;
  std::vector<Individual> parents_;  ///< empty in the first generation
  std::vector<Individual> told_;     ///< since the parents were chosen
};

class NsgaThree final : public Nsga {
 public:
  NsgaThree(const SamplerSettings& settings, const NsgaOptions& options)
      : Nsga(settings, options),
        references_(
            reference_points(settings.directions.size(), static_cast<std::size_t>(options.dividing_parameter))) {}

 private:
  std::vector<std::size_t> elite(const std::vector<ConstrainedPoint>& points, std::size_t count,
                                 RandomStream& stream) const override {
    return elite_by_niches(points, count, references_, stream);
  }

  std::vector<Losses> references_;
};

std::unique_ptr<Sampler> make_two(const SamplerSettings& settings) {
  return std::make_unique<Nsga>(settings, read_options(settings, nsgaii_fields()));
}

std::unique_ptr<Sampler> make_three(const SamplerSettings& settings) {
  return std::make_unique<NsgaThree>(settings, read_options(settings, nsgaiii_fields()));
}

}  // namespace

// Declares the genetic algorithm NSGA-II (Deb et al., IEEE TEC 6(2), 2002) in Optuna's form: parents of a generation
// are the elite (elite.h) of the last `population_size` individuals told and of the parents before; children by
// breeding.h. The first population_size trials are random points. Every individual that is told counts, in the order
// of the trials, whatever generation it was bred in, so that the parents are a function of the told trials alone.
// Trials that failed, and pruned ones that met their constraints, are passed over.
// Deviations: after the first generation the parents are chosen anew after every `offspring` individuals, a tenth of a
// generation (as steady-state variants do: Durillo et al., "On the effect of the steady-state selection scheme in
// multi-objective genetic algorithms", EMO 2009; `offspring = population_size` gives whole generations); a child that
// was proposed before is bred anew or mutated further, so that nothing is repeated
// (`deduplicate = false` restores repeats); a mutation always changes the value; a conditional parameter that one
// parent lacks comes from the other; undx uses the published deviations.
SamplerKind nsgaii_kind() {
  return {.name = "nsgaii",
          .aliases = {"nsga2", "nsgaiisampler", "genetic"},
          .description = "genetic algorithm NSGA-II: generations bred from the non-dominated trials",
          .options = describe(nsgaii_fields()),
          .make = make_two};
}

// Declares NSGA-III (Deb and Jain, IEEE TEC 18(4), 2014): as nsgaii, with niches around reference points in place of
// the crowding distance. Maximised objectives are negated before they are normalised.
SamplerKind nsgaiii_kind() {
  return {.name = "nsgaiii",
          .aliases = {"nsga3", "nsgaiiisampler"},
          .description = "genetic algorithm NSGA-III: as nsgaii, spread along reference lines, for many objectives",
          .options = describe(nsgaiii_fields()),
          .make = make_three};
}

}  // namespace lathe::sampler
