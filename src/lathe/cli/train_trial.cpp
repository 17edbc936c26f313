#include "lathe/cli/train_trial.h"

#include <fmt/format.h>

#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "lathe/app/device.h"
#include "lathe/app/kept_weights.h"
#include "lathe/app/project.h"
#include "lathe/app/run_folder.h"
#include "lathe/app/scores.h"
#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "lathe/checkpoint/checkpoint.h"
#include "lathe/cli/interrupt.h"
#include "lathe/cli/model_summary.h"
#include "lathe/cli/rebuilt_trial.h"
#include "lathe/cli/terminal.h"
#include "lathe/cli/training_recipe.h"
#include "lathe/cli/training_report.h"
#include "lathe/recipe/checks.h"
#include "lathe/trial/repeats.h"

namespace lathe::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
constexpr int kStandardOutput = 1;

/// Holds what is trained.
struct TrialTraining {
  std::unique_ptr<RebuiltStudy> study;
  RebuiltTrial trial;
  app::TrainingJob job;  ///< of the first seed
  std::vector<RecipeLine> recipe;
  std::uint64_t first_repeat = 0;
  std::string weights;  ///< what it begins from, for people
};

// Loads the weights that the study kept of a trial.
engine::State kept_weights(const app::Search& search, const RebuiltTrial& trial) {
  const report::SavedTrial saved{.number = trial.trial.number,
                                 .key = trial.trial.key == Digest{} ? std::string() : trial.trial.key.to_hex()};
  const fs::path file = app::saved_weights(app::search_folder(search.project) / "best.json", saved);
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

app::TrainingJob job_of(const Invocation& invocation, const RebuiltStudy& study, const RebuiltTrial& trial,
                        std::uint64_t repeat) {
  const app::Search& search = study.search;
  trial::TrialRecipe recipe =
      study.evaluator->recipe(trial.prepared, repeat, recipe::training_of(study.invocation.settings));
  app::TrainingJob job{.graph = trial.prepared.candidate.graph,
                       .state = std::move(recipe.start),
                       .dataset = std::move(recipe.dataset),
                       .backend = trial.prepared.backend,
                       .settings = std::move(recipe.settings),
                       .threads = search.settings.threads,
                       .precision = search.settings.precision,
                       .seed = search.settings.seed,
                       .project = typed_project(invocation).value_or(search.project),
                       .resume = invocation.has("--resume"),
                       .test = invocation.has("--test"),
                       .identity = recipe.identity,
                       .evaluation_batch = recipe.evaluation_batch,
                       .validation_rows = search.settings.evaluation.num_samples};
  put_typed_recipe(invocation.settings, job.settings);
  job.settings.validate_each_epoch = true;
  job.settings.log_every_n_steps = invocation.settings.training.log_every_n_steps;
  if (invocation.settings.weights == kWeightsOfTrial) job.state = kept_weights(search, trial);
  return job;
}

void check_flags(const Invocation& invocation) {
  if (invocation.has("--seeds") && invocation.has("--resume")) {
    throw UserError("--resume", "does not go with --seeds: one training is continued");
  }
  if (!invocation.settings.load_name.empty()) {
    throw UserError("--load", "does not go with --from, which brings its weights along (--weights trial)");
  }
}

TrialTraining prepare(const Invocation& invocation) {
  check_flags(invocation);
  const auto takes_key = [&](const std::string& key) {
    return !is_recipe_key(key) && !(key == "weights" && invocation.settings.weights == kWeightsOfTrial);
  };
  TrialTraining training;
  training.study = rebuild_study(invocation, named_study(invocation, *invocation.text("--from")), takes_key);
  if (!training.study) return training;
  const RebuiltStudy& study = *training.study;
  const std::optional<std::int64_t> number = invocation.integer("--trial", 0);
  training.trial = rebuild_trial(study, number ? *number : best_trial_number(study));
  warn_of_differences(training.trial);
  if (invocation.has("--seeds")) {  // seeds that the search never saw, those of [search.final]
    training.first_repeat = static_cast<std::uint64_t>(study.search.settings.most_repeats());
  }
  training.job = job_of(invocation, study, training.trial, training.first_repeat);
  if (training.job.test && training.job.dataset->test.rows() == 0) {
    throw DataError(study.search.dataset->fingerprint.path, "the data set has no test rows");
  }
  training.recipe = recipe_lines(training.job.settings, training.trial.prepared.candidate.training, invocation.settings,
                                 training.trial.trial.number);
  training.weights = invocation.settings.weights == kWeightsOfTrial
                         ? fmt::format("those that trial {} ended with", training.trial.trial.number)
                         : fmt::format("those that trial {} began from", training.trial.trial.number);
  return training;
}

std::string training_name(const TrialTraining& training) {
  return fmt::format("{}-trial-{}", app::folder_name(training.study->search.settings.name),
                     training.trial.trial.number);
}

// Makes the project and the folder of the training. Messages go to run.log, too, while the result lives.
std::unique_ptr<log::FileScope> open_project(const Invocation& invocation, TrialTraining& training) {
  app::TrainingJob& job = training.job;
  const Invocation& stored = training.study->invocation;
  const std::string name = training_name(training);
  if (job.resume) job.folder = app::training_to_resume(job, name);
  app::check_training(job);
  make_directories(job.project);
  auto run_log = std::make_unique<log::FileScope>(job.project / "run.log");
  if (!job.resume) {
    job.folder = app::new_training(job.project, name, recipe::resolved_document(stored.root, stored.settings));
  }
  log::info("Training trial {} of study \"{}\" on back end {}, from weights {}", training.trial.trial.number,
            training.study->search.settings.name, app::device_text(*job.backend, job.threads, job.precision),
            training.weights);
  if (!invocation.talkative()) return run_log;
  const report::TableStyle style = report::style_for(kStandardOutput);
  print(recipe_table(training.recipe, style) + "\n" + model_summary(job.graph, style));
  return run_log;
}

Json facts_of(const TrialTraining& training) {
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

// Says what the trial had beside what came out.
std::string trial_line(const TrialTraining& training) {
  std::string values;
  for (const double value : training.trial.trial.values)
    values += fmt::format("{}{:.6g}", values.empty() ? "" : ", ", value);
  return values.empty() ? std::string()
                        : fmt::format("Trial {} had the value{} {}\n", training.trial.trial.number,
                                      training.trial.trial.values.size() == 1 ? "" : "s", values);
}

ExitCode train_one(const Invocation& invocation, TrialTraining& training) {
  const app::TrainingResult result = app::run_training(training.job, interrupt_token(), invocation.progress);
  if (invocation.json) {
    Json json = training_json(training.job, result);
    json.update(facts_of(training));
    print(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  } else {
    print(training_text(training.job, result) + trial_line(training));
  }
  return exit_code_of(result.report.outcome);
}

/// Holds one of several seeds.
struct SeedResult {
  app::TrainingJob job;
  app::TrainingResult result;
};

std::vector<SeedResult> train_seeds(const Invocation& invocation, const TrialTraining& training, std::int64_t count) {
  std::vector<SeedResult> seeds;
  for (std::int64_t i = 0; i < count && !interrupt_token().requested(); ++i) {
    const std::uint64_t repeat = training.first_repeat + static_cast<std::uint64_t>(i);
    SeedResult seed{.job = job_of(invocation, *training.study, training.trial, repeat), .result = {}};
    seed.job.folder = training.job.folder / fmt::format("seed_{}", repeat);
    seed.job.publish = false;
    make_directories(seed.job.folder);
    seed.result = app::run_training(seed.job, interrupt_token(), invocation.progress);
    log::info("seed {}: {}", repeat, engine::to_string(seed.result.report.outcome));
    seeds.push_back(std::move(seed));
  }
  return seeds;
}

// Returns the figures of a seed by name: those of the last state.
std::map<std::string, double> figures_of(const SeedResult& seed) {
  std::map<std::string, double> figures;
  for (const app::Score& score : app::scores(*seed.job.dataset)) {
    if (seed.result.last) figures["validation_" + score.name] = score.read(*seed.result.last);
    if (seed.result.test) figures["test_" + score.name] = score.read(*seed.result.test);
  }
  return figures;
}

// Picks the seed whose files stand for the training: the smallest validation loss.
const SeedResult* best_seed(const std::vector<SeedResult>& seeds) {
  const SeedResult* best = nullptr;
  for (const SeedResult& seed : seeds) {
    if (!seed.result.files_written) continue;
    const auto loss = [](const SeedResult& each) {
      return each.result.best ? each.result.best->loss() : std::numeric_limits<double>::infinity();
    };
    if (best == nullptr || loss(seed) < loss(*best)) best = &seed;
  }
  return best;
}

Json seeds_json(const TrialTraining& training, const std::vector<SeedResult>& seeds,
                const std::optional<trial::RepeatSummary>& summary) {
  Json json = {{"schema_version", 1}};
  json.update(facts_of(training));
  json["seeds"] = Json::array();
  for (const SeedResult& seed : seeds) {
    Json entry = training_json(seed.job, seed.result);
    entry["repeat"] = seed.job.identity->repeat;
    json["seeds"].push_back(std::move(entry));
  }
  json["mean"] = summary ? Json(summary->means) : Json();
  json["standard_error"] = summary ? Json(summary->standard_errors) : Json();
  json["folder"] = training.job.folder.string();
  return json;
}

std::string seeds_text(const TrialTraining& training, const std::vector<SeedResult>& seeds,
                       const std::optional<trial::RepeatSummary>& summary) {
  using enum report::Alignment;
  report::Table table({{"figure", kLeft}, {"mean", kRight}, {"standard error", kRight}, {"seeds", kRight}});
  if (summary) {
    for (const auto& [name, mean] : summary->means) {
      const auto error = summary->standard_errors.find(name);
      const std::string shown = error == summary->standard_errors.end() ? "-" : report::number_text(error->second);
      table.add_row({name, report::number_text(mean), shown, fmt::format("{}", seeds.size())});
    }
  }
  return fmt::format("\n{}{}\nWritten to {}/: seeds.json, seed_{} ...\n",
                     table.to_string(report::style_for(kStandardOutput)), trial_line(training),
                     training.job.folder.string(), training.first_repeat);
}

ExitCode train_several(const Invocation& invocation, const TrialTraining& training, std::int64_t count) {
  const std::vector<SeedResult> seeds = train_seeds(invocation, training, count);
  std::vector<std::map<std::string, double>> figures;
  ExitCode code = ExitCode::kSuccess;
  for (const SeedResult& seed : seeds) {
    const ExitCode ended = exit_code_of(seed.result.report.outcome);
    if (ended == ExitCode::kSuccess)
      figures.push_back(figures_of(seed));
    else
      code = ended;
  }
  if (interrupt_token().requested()) code = ExitCode::kInterrupted;
  std::optional<trial::RepeatSummary> summary;
  if (figures.size() == static_cast<std::size_t>(count)) summary = trial::summarise_repeats(figures);
  const Json json = seeds_json(training, seeds, summary);
  const std::string document = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  write_text_file_atomically(training.job.folder / "seeds.json", document);
  if (const SeedResult* best = best_seed(seeds)) app::publish_training(training.job.project, best->job.folder);
  print(invocation.json ? document : seeds_text(training, seeds, summary));
  if (!summary) log::warning("not every seed was trained to its end: no mean is given");
  return code;
}

}  // namespace

ExitCode train_trial(const Invocation& invocation) {
  const std::optional<std::int64_t> seeds = invocation.integer("--seeds", 1);
  catch_interrupts();
  TrialTraining training = prepare(invocation);
  if (!training.study) return ExitCode::kInterrupted;
  const auto run_log = open_project(invocation, training);
  app::advise_threads(*training.job.backend, 1, training.job.threads);
  return seeds ? train_several(invocation, training, *seeds) : train_one(invocation, training);
}

}  // namespace lathe::cli
