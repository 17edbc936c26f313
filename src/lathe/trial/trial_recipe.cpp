#include "lathe/trial/trial_recipe.h"

#include "lathe/trial/seed_run.h"

namespace lathe::trial {

TrialRecipe recipe_of(const Evaluator& evaluator, const Prepared& prepared, std::uint64_t repeat,
                      const engine::TrainSettings& otherwise) {
  const Runner& runner = evaluator.runner();
  return {.settings = evaluator.settings().train ? runner.training(prepared.candidate) : otherwise,
          .identity = identity_of(evaluator.settings(), prepared, repeat),
          .start = evaluator.weights().state(prepared.candidate.graph, prepared.key, repeat),
          .dataset = runner.training_dataset(),
          .evaluation_batch = runner.evaluation_batch()};
}

}  // namespace lathe::trial
