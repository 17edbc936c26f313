#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "lathe/app/rebuilt_trial.h"
#include "lathe/app/training.h"
#include "lathe/app/training_recipe.h"
#include "lathe/trial/repeats.h"

/// A trial of a stored study, trained again: what `lathe train --from` does, for any program.
namespace lathe::app {

/// Value of the setting `weights` that begins from the kept weights of a trial.
inline constexpr const char* kWeightsOfTrial = "trial";

struct TrialTrainingOptions {
  std::string study = {};                             ///< as named_study takes it, with `storage`
  std::optional<std::string> storage = std::nullopt;  ///< address that it is looked for in
  std::optional<std::int64_t> trial = std::nullopt;   ///< its number; none: the best of a study with one objective
  std::optional<std::int64_t> seeds = std::nullopt;   ///< so many seeds that the study has not seen; none: the trial's
  bool test = false;                                  ///< score the last state on the test rows, once
  bool resume = false;                                ///< goes on with an interrupted training; without `seeds`
  const engine::StopToken* stop = nullptr;            ///< ends it tidily
  /// Is called once the folder of the training is there, before its first step.
  std::function<void()> begun = {};
};

/// Holds a trial that is ready to be trained.
struct TrialTraining {
  std::unique_ptr<RebuiltStudy> study;
  RebuiltTrial trial;
  TrainingJob job;                 ///< of the first seed
  std::vector<RecipeLine> recipe;  ///< its settings, with where each comes from
  std::uint64_t first_repeat = 0;
  std::string weights;  ///< what it begins from, for people
};

/// Holds one training of a trial.
struct SeedTraining {
  TrainingJob job;
  TrainingResult result;
};

struct TrialTrainingResult {
  std::vector<SeedTraining> seeds;              ///< those that were trained; one without TrialTrainingOptions::seeds
  std::optional<trial::RepeatSummary> summary;  ///< of several seeds; nullopt where not all came to their end
};

/// Reads study, data and recipe of a trial; settings of the command line replace its own. Writes nothing. nullopt where
/// `stop` came. Throws UserError and DataError.
std::optional<TrialTraining> ready_trial_training(const Request& request, const TrialTrainingOptions& options);

/// Trains it and writes its files into the project: PROJECT/trainings/STUDY-trial-N, of several seeds with seeds.json
/// and a folder each. Throws SystemError.
TrialTrainingResult train_trial(const Request& request, TrialTraining& training, const TrialTrainingOptions& options);

/// Returns what the trial and its recipe are, for JSON output.
nlohmann::ordered_json trial_facts_json(const TrialTraining& training);

/// Returns the document of several seeds, as seeds.json has it.
nlohmann::ordered_json seeds_json(const TrialTraining& training, const TrialTrainingResult& result);

}  // namespace lathe::app
