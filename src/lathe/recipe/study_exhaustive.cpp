#include <fmt/format.h>

#include <limits>

#include "lathe/pruner/pruner.h"
#include "lathe/recipe/study_parts.h"
#include "lathe/recipe/study_tables.h"

namespace lathe::recipe {
namespace {

using config::Value;

// Refuses what the strategy says beside what an exhaustive search sets up itself.
void refuse_contradictions(const Value& strategy, const ExhaustiveSettings& exhaustive, const StudySettings& study) {
  if (const Value* sampler = strategy.find_path("setup.sampler");
      sampler != nullptr && study.sampler != "brute_force") {
    sampler->fail(
        fmt::format("an exhaustive search visits every point by \"brute_force\"; got \"{}\": leave the sampler "
                    "out, or the table [search.strategy.exhaustive]",
                    sampler->as_string()));
  }
  if (const Value* options = strategy.find_path("setup.sampler_options")) {
    options->fail("an exhaustive search visits every point once; leave the table out");
  }
  if (const Value* racing = strategy.find("racing")) {
    racing->fail("an exhaustive search sets its race up itself: seeds and confidence of [search.strategy.exhaustive]");
  }
  if (const Value* repeats = strategy.find_path("setup.repeats")) {
    repeats->fail("the seeds of an exhaustive search are those of [search.strategy.exhaustive]; leave repeats out");
  }
  const Value* pruner = strategy.find("pruner");
  if (pruner == nullptr) return;
  if (exhaustive.stop == "racing") {
    pruner->fail("an exhaustive search sets its pruner up itself; leave the table out, or write stop = \"none\"");
  }
  if (!study.pruner || study.pruner->name != "none") {
    pruner->find("name")->fail(
        "stop = \"none\" trains everything to its end; only the pruner \"none\", which keeps the "
        "curves, goes with it");
  }
}

void check_training(const Value& table, const Value& strategy, const StudySettings& study,
                    const ExhaustiveSettings& exhaustive) {
  if (study.eval_mode) {
    const bool plain = exhaustive.stop == "none" && exhaustive.seeds == 1;
    if (!plain) table.fail("this study trains nothing (eval_mode = true): write stop = \"none\" and seeds = 1");
    return;
  }
  if (exhaustive.stop == "none") {
    for (const char* name : {"calibration", "min_resource", "reduction_factor"}) {
      if (const Value* value = table.find(name))
        value->fail("belongs to stop = \"racing\"; here nothing is stopped early");
    }
    return;
  }
  const bool endless = study.train->settings.max_epochs == std::numeric_limits<std::int32_t>::max();
  if (endless) {
    strategy.find_path("sw_runner.basic_train")
        ->fail(
            "stop = \"racing\" counts its rungs in epochs: max_epochs is missing; write, for example, max_epochs = 10");
  }
  if (exhaustive.min_resource && *exhaustive.min_resource >= study.train->settings.max_epochs) {
    table.find("min_resource")
        ->fail(fmt::format("must be below max_epochs ({}); got {}", study.train->settings.max_epochs,
                           *exhaustive.min_resource));
  }
}

}  // namespace

void parse_exhaustive(const Value& table, const Value& strategy, StudySettings& study) {
  ExhaustiveSettings exhaustive;
  config::decode(table, exhaustive_fields(), exhaustive);
  exhaustive.table = table;
  if (const Value* n_trials = strategy.find_path("setup.n_trials")) exhaustive.n_trials = *n_trials;
  refuse_contradictions(strategy, exhaustive, study);
  check_training(table, strategy, study, exhaustive);
  study.sampler = "brute_force";
  study.repeats = exhaustive.stop == "none" ? exhaustive.seeds : 1;
  study.racing.reset();
  if (exhaustive.seeds > 1 || study.eval_mode) {  // one seed of a training tells nothing of its noise: no race
    study.racing = RacingSettings{
        .max_repeats = exhaustive.seeds, .confidence = exhaustive.confidence, .min_repeats = exhaustive.seeds};
  }
  study.exhaustive = std::move(exhaustive);
}

}  // namespace lathe::recipe
