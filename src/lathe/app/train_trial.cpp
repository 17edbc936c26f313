#include "lathe/app/train_trial.h"

#include <fmt/format.h>

#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "lathe/app/device.h"
#include "lathe/app/kept_weights.h"
#include "lathe/app/project.h"
#include "lathe/app/run_folder.h"
#include "lathe/app/scores.h"
#include "lathe/app/training_json.h"
#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "lathe/checkpoint/checkpoint.h"
#include "lathe/recipe/checks.h"
#include "lathe/trial/trial_recipe.h"

namespace lathe::app {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// Loads the weights that the study kept of a trial.
engine::State kept_weights(const Search& search, const RebuiltTrial& trial) {
  const fs::path file = saved_weights(search_folder(search.project) / "best.json", trial.trial);
  checkpoint::LoadedModel loaded = checkpoint::load_model(file);
  engine::check_state(trial.prepared.candidate.graph, loaded.state, file.string());
  return std::move(loaded.state);
}

// Data, back end and settings that are not the trial's own are said; the training is then another one than it was.
void warn_of_differences(const RebuiltTrial& trial) {
  if (trial.same_candidate) return;
  log::warning(
      "trial {} had another key than its candidate has here (another back end, SIMD target, data set or setting): it "
      "is "
      "trained by its own settings, but not bit for bit as it was",
      trial.trial.number);
}

TrainingJob job_of(const Request& request, const TrialTrainingOptions& options, const RebuiltStudy& study,
                   const RebuiltTrial& trial, std::uint64_t repeat) {
  const Search& search = study.search;
  trial::TrialRecipe recipe =
      trial::recipe_of(*study.evaluator, trial.prepared, repeat, recipe::training_of(study.request.settings));
  TrainingJob job{.graph = trial.prepared.candidate.graph,
                  .state = std::move(recipe.start),
                  .dataset = std::move(recipe.dataset),
                  .backend = trial.prepared.backend,
                  .settings = std::move(recipe.settings),
                  .threads = search.settings.threads,
                  .precision = search.settings.precision,
                  .seed = search.settings.seed,
                  .project = typed_project(request).value_or(search.project),
                  .resume = options.resume,
                  .test = options.test,
                  .identity = recipe.identity,
                  .evaluation_batch = recipe.evaluation_batch,
                  .validation_rows = search.settings.evaluation.num_samples};
  put_typed_recipe(request.settings, job.settings);
  job.settings.validate_each_epoch = true;
  job.settings.log_every_n_steps = request.settings.training.log_every_n_steps;
  if (request.settings.weights == kWeightsOfTrial) job.state = kept_weights(search, trial);
  return job;
}

void check_options(const Request& request, const TrialTrainingOptions& options) {
  if (options.seeds && options.resume) {
    throw UserError("--resume", "does not go with --seeds: one training is continued");
  }
  if (!request.settings.load_name.empty()) {
    throw UserError("--load", "does not go with --from, which brings its weights along (--weights trial)");
  }
}

std::string training_name(const TrialTraining& training) {
  return fmt::format("{}-trial-{}", folder_name(training.study->search.settings.name), training.trial.trial.number);
}

// Makes the project and the folder of the training. Messages go to run.log, too, while the result lives.
std::unique_ptr<log::FileScope> open_project(TrialTraining& training) {
  TrainingJob& job = training.job;
  const Request& stored = training.study->request;
  const std::string name = training_name(training);
  if (job.resume) job.folder = training_to_resume(job, name);
  check_training(job);
  make_directories(job.project);
  auto run_log = std::make_unique<log::FileScope>(job.project / "run.log");
  if (!job.resume) {
    job.folder = new_training(job.project, name, recipe::resolved_document(stored.root, stored.settings));
  }
  log::info("Training trial {} of study \"{}\" on back end {}, from weights {}", training.trial.trial.number,
            training.study->search.settings.name, device_text(*job.backend, job.threads, job.precision),
            training.weights);
  return run_log;
}

bool came_to_its_end(const SeedTraining& seed) {
  const engine::TrainOutcome outcome = seed.result.report.outcome;
  return outcome != engine::TrainOutcome::kDiverged && outcome != engine::TrainOutcome::kStopped;
}

std::vector<SeedTraining> train_seeds(const Request& request, const TrialTraining& training,
                                      const TrialTrainingOptions& options, const engine::StopToken& stop) {
  std::vector<SeedTraining> seeds;
  for (std::int64_t i = 0; i < *options.seeds && !stop.requested(); ++i) {
    const std::uint64_t repeat = training.first_repeat + static_cast<std::uint64_t>(i);
    SeedTraining seed{.job = job_of(request, options, *training.study, training.trial, repeat), .result = {}};
    seed.job.folder = training.job.folder / fmt::format("seed_{}", repeat);
    seed.job.publish = false;
    make_directories(seed.job.folder);
    seed.result = run_training(seed.job, stop, request.progress);
    log::info("seed {}: {}", repeat, engine::to_string(seed.result.report.outcome));
    seeds.push_back(std::move(seed));
  }
  return seeds;
}

// Returns the figures of a seed by name: those of the last state.
std::map<std::string, double> figures_of(const SeedTraining& seed) {
  std::map<std::string, double> figures;
  for (const Score& score : scores(*seed.job.dataset)) {
    if (seed.result.last) figures["validation_" + score.name] = score.read(*seed.result.last);
    if (seed.result.test) figures["test_" + score.name] = score.read(*seed.result.test);
  }
  return figures;
}

// Picks the seed whose files stand for the training: the smallest validation loss.
const SeedTraining* best_seed(const std::vector<SeedTraining>& seeds) {
  const SeedTraining* best = nullptr;
  for (const SeedTraining& seed : seeds) {
    if (!seed.result.files_written) continue;
    const auto loss = [](const SeedTraining& each) {
      return each.result.best ? each.result.best->loss() : std::numeric_limits<double>::infinity();
    };
    if (best == nullptr || loss(seed) < loss(*best)) best = &seed;
  }
  return best;
}

// Returns means and standard errors over the seeds; nullopt where not all of them came to their end.
std::optional<trial::RepeatSummary> summary_of(const std::vector<SeedTraining>& seeds, std::int64_t wanted) {
  std::vector<std::map<std::string, double>> figures;
  for (const SeedTraining& seed : seeds)
    if (came_to_its_end(seed)) figures.push_back(figures_of(seed));
  if (figures.size() != static_cast<std::size_t>(wanted)) return std::nullopt;
  return trial::summarise_repeats(figures);
}

}  // namespace

std::optional<TrialTraining> ready_trial_training(const Request& request, const TrialTrainingOptions& options) {
  const engine::StopToken never;
  check_options(request, options);
  const auto takes_key = [&](const std::string& key) {
    return !is_recipe_key(key) && !(key == "weights" && request.settings.weights == kWeightsOfTrial);
  };
  TrialTraining training;
  training.study = rebuild_study(request, named_study(request, options.storage, options.study),
                                 options.stop != nullptr ? *options.stop : never, takes_key);
  if (!training.study) return std::nullopt;
  const RebuiltStudy& study = *training.study;
  training.trial = rebuild_trial(study, options.trial ? *options.trial : best_trial_number(study));
  warn_of_differences(training.trial);
  if (options.seeds) {  // seeds that the search never saw, those of [search.final]
    training.first_repeat = static_cast<std::uint64_t>(study.search.settings.most_repeats());
  }
  training.job = job_of(request, options, study, training.trial, training.first_repeat);
  if (training.job.test && training.job.dataset->test.rows() == 0) {
    throw DataError(study.search.dataset->fingerprint.path, "the data set has no test rows");
  }
  training.recipe = recipe_lines(training.job.settings, training.trial.prepared.candidate.training, request.settings,
                                 training.trial.trial.number);
  training.weights = request.settings.weights == kWeightsOfTrial
                         ? fmt::format("those that trial {} ended with", training.trial.trial.number)
                         : fmt::format("those that trial {} began from", training.trial.trial.number);
  return training;
}

TrialTrainingResult train_trial(const Request& request, TrialTraining& training, const TrialTrainingOptions& options) {
  const engine::StopToken never;
  const engine::StopToken& stop = options.stop != nullptr ? *options.stop : never;
  const auto run_log = open_project(training);
  if (options.begun) options.begun();
  advise_threads(*training.job.backend, 1, training.job.threads);
  TrialTrainingResult result;
  if (!options.seeds) {
    result.seeds.push_back({training.job, run_training(training.job, stop, request.progress)});
    return result;
  }
  result.seeds = train_seeds(request, training, options, stop);
  result.summary = summary_of(result.seeds, *options.seeds);
  const std::string document = seeds_json(training, result).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  write_text_file_atomically(training.job.folder / "seeds.json", document);
  if (const SeedTraining* best = best_seed(result.seeds)) publish_training(training.job.project, best->job.folder);
  if (!result.summary) log::warning("not every seed was trained to its end: no mean is given");
  return result;
}

Json trial_facts_json(const TrialTraining& training) {
  const study::Trial& trial = training.trial.trial;
  Json json = {{"study", training.study->search.settings.name},
               {"trial", trial.number},
               {"trial_values", trial.values},
               {"same_candidate", training.trial.same_candidate},
               {"weights", training.weights},
               {"recipe", recipe_json(training.recipe)}};
  if (trial.evaluation) json["trial_metrics"] = trial.evaluation->metrics;
  return json;
}

Json seeds_json(const TrialTraining& training, const TrialTrainingResult& result) {
  const std::optional<trial::RepeatSummary>& summary = result.summary;
  Json json = {{"schema_version", 1}};
  json.update(trial_facts_json(training));
  json["seeds"] = Json::array();
  for (const SeedTraining& seed : result.seeds) {
    Json entry = training_json(seed.job, seed.result);
    entry["repeat"] = seed.job.identity->repeat;
    json["seeds"].push_back(std::move(entry));
  }
  json["mean"] = summary ? Json(summary->means) : Json();
  json["standard_error"] = summary ? Json(summary->standard_errors) : Json();
  json["folder"] = training.job.folder.string();
  return json;
}

}  // namespace lathe::app
