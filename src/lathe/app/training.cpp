#include "lathe/app/training.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "lathe/checkpoint/data_facts.h"
#include "lathe/engine/history.h"
#include "lathe/recipe/settings.h"

namespace lathe::app {
namespace {

using Clock = std::chrono::steady_clock;

// Between two savings of a running training: what a killed run loses at most, beside the running epoch.
constexpr std::chrono::seconds kSaveEvery{5};

// Prints the settings that an interrupted run and its continuation must share. How long to train may change where no
// schedule depends on it.
std::string comparable_settings(engine::TrainSettings settings) {
  if (settings.schedule == "constant") {
    settings.max_epochs = 0;
    settings.max_steps = std::nullopt;
    settings.num_samples = std::nullopt;
  }
  return settings.to_text();
}

// Prints what the bits of a run depend on beside its settings.
std::string backend_text(const TrainingJob& job) {
  const engine::Backend& backend = *job.backend;
  std::string text = backend.target().empty() ? backend.name() : backend.name() + " " + backend.target();
  if (backend.uses_threads()) text += fmt::format(" threads={}", job.threads);
  if (job.precision != engine::Precision::kFloat32) text += " precision=" + engine::to_string(job.precision);
  return text;
}

checkpoint::Facts identity_of(const TrainingJob& job) {
  checkpoint::Facts facts = {{"graph", ir::to_text(job.graph, false)},
                             {"settings", comparable_settings(job.settings)},
                             {"data", job.dataset->fingerprint.hash},
                             {"backend", backend_text(job)},
                             {"seed", fmt::format("{}", job.seed)}};
  if (job.identity) facts["candidate"] = fmt::format("{:x} {}", job.identity->candidate, job.identity->repeat);
  return facts;
}

void check_identity(const checkpoint::Facts& then, const checkpoint::Facts& now) {
  for (const auto& [name, value] : now) {
    const auto found = then.find(name);
    const std::string before = found == then.end() ? "(unknown)" : found->second;
    if (before != value)
      throw UserError("--resume",
                      fmt::format("the interrupted run differs in {}\n  then: {}\n  now:  {}", name, before, value));
  }
}

void check_steps_left(const TrainingJob& job, std::int64_t steps) {
  const std::int64_t planned = engine::planned_steps(job.settings, job.graph, job.dataset->train.rows());
  if (steps > planned)
    throw UserError("--resume",
                    fmt::format("the interrupted run already took {} steps; {} are asked for", steps, planned));
}

checkpoint::TrainingState load_checked_state(const TrainingJob& job, const std::filesystem::path& folder) {
  checkpoint::TrainingState training = checkpoint::load_training_state(TrainingFiles(folder).resume, job.graph);
  check_identity(training.identity, identity_of(job));
  check_steps_left(job, training.point.steps);
  return training;
}

// Prints the validation figures of an epoch for a progress bar.
std::string figures_of(const engine::HistoryRow& row) {
  const std::string loss = fmt::format("val_loss {:.4f}", *row.validation_loss);
  return row.validation_accuracy ? fmt::format("val_acc {:.4f} {}", *row.validation_accuracy, loss) : loss;
}

class Runner {
 public:
  Runner(const TrainingJob& job, const engine::StopToken& stop)
      : job_(job), stop_(stop), files_(job.folder), identity_(identity_of(job)) {
    const engine::SessionSettings settings{
        .batch_size =
            std::max(engine::largest_batch(job.settings, job.graph, job.dataset->train.rows()), job.evaluation_batch),
        .training = true,
        .loss = job.settings.loss,
        .threads = job.threads,
        .precision = job.precision};
    session_ = job.backend->compile(job.graph, settings)->make_session();
  }

  TrainingResult run(const engine::TrainProgress& progress) {
    const std::optional<engine::ResumePoint> point = start();
    const engine::EpochEnd epoch_end = [this](std::int64_t, const engine::TrainReport& report) {
      save_now_and_then(report);
      return true;
    };
    result_.report = engine::train(*session_, job_.graph, *job_.dataset, job_.settings, identity_of_draws(), stop_,
                                   {.progress = progress, .epoch_end = epoch_end, .resume = point ? &*point : nullptr});
    finish();
    if (job_.publish) publish_training(job_.project, job_.folder);
    return std::move(result_);
  }

 private:
  std::optional<engine::ResumePoint> start() {
    if (!job_.resume) {
      session_->load(job_.state ? *job_.state : fresh_state());
      return std::nullopt;
    }
    checkpoint::TrainingState training = load_checked_state(job_, job_.folder);
    session_->load(training.weights);
    session_->set_optimizer(job_.settings.optimizer);
    session_->load_optimizer_state(training.optimizer);
    log::info("continuing after step {}", training.point.steps);
    return std::move(training.point);
  }

  engine::RunIdentity identity_of_draws() const { return job_.identity.value_or(run_identity(job_.graph, job_.seed)); }

  engine::State fresh_state() const {
    const engine::RunIdentity identity = identity_of_draws();
    return engine::initial_state(job_.graph, identity.seed, identity.candidate, identity.repeat);
  }

  void save_now_and_then(const engine::TrainReport& report) {
    if (Clock::now() - last_save_ < kSaveEvery) return;
    save_last(report);
    if (report.best_state) save_model(files_.best, *report.best_state, report);
    engine::write_history(files_.history, report.history, job_.dataset->train.positions > 1);
    if (job_.publish) publish_training(job_.project, job_.folder);
    last_save_ = Clock::now();
  }

  void finish() {
    engine::TrainReport& report = result_.report;
    engine::write_history(files_.history, report.history, job_.dataset->train.positions > 1);
    const bool diverged = report.outcome == engine::TrainOutcome::kDiverged;
    if (!diverged) {
      save_last(report);
      result_.last = evaluate();
      if (job_.test && report.outcome == engine::TrainOutcome::kCompleted) {
        result_.test = session_->evaluate(job_.dataset->test, 0, job_.dataset->test.rows());
      }
    }
    if (diverged && !report.best_state) return;
    const engine::State best = report.best_state ? *report.best_state : session_->state();
    save_model(files_.best, best, report);
    session_->load(best);
    result_.best = evaluate();
    result_.files_written = true;
  }

  std::optional<engine::EvaluationResult> evaluate() {
    const data::Samples& validation = job_.dataset->validation;
    if (validation.rows() == 0) return std::nullopt;
    return session_->evaluate(validation, 0,
                              std::min(validation.rows(), job_.validation_rows.value_or(validation.rows())));
  }

  void save_last(const engine::TrainReport& report) {
    const engine::State state = session_->state();
    checkpoint::save_training_state(files_.resume, {.weights = state,
                                                    .optimizer = session_->optimizer_state(),
                                                    .point = {report.steps, report.history, report.best_state,
                                                              report.best_validation_loss, report.since_row},
                                                    .identity = identity_});
    save_model(files_.last, state, report);
  }

  void save_model(const std::filesystem::path& path, const engine::State& state, const engine::TrainReport& report) {
    checkpoint::Facts facts = checkpoint::data_facts(*job_.dataset);
    facts["settings"] = job_.settings.to_text();
    facts["seed"] = fmt::format("{}", job_.seed);
    facts["backend"] = backend_text(job_);
    facts["steps"] = fmt::format("{}", report.steps);
    facts["lathe_version"] = recipe::version();
    checkpoint::save_model(path, job_.graph, state, facts);
  }

  const TrainingJob& job_;
  const engine::StopToken& stop_;
  TrainingFiles files_;
  checkpoint::Facts identity_;
  std::unique_ptr<engine::Session> session_;
  Clock::time_point last_save_ = Clock::now();
  TrainingResult result_;
};

}  // namespace

engine::RunIdentity run_identity(const ir::Graph& graph, std::uint64_t seed) {
  return {.seed = seed, .candidate = hash_text(ir::to_text(graph, false)).first_word(), .repeat = 0};
}

void check_fits(const ir::Graph& graph, const data::Dataset& dataset) {
  const Shape rows = dataset.train.row_shape();
  if (graph.input().output_shape != rows)
    throw UserError(
        "model", fmt::format("network {} takes inputs of shape {}; the rows of data set {} have shape {}", graph.name,
                             to_string(graph.input().output_shape), dataset.name, to_string(rows)));
  const std::int64_t positions = dataset.train.positions;
  const Shape outputs = positions > 1 ? Shape{positions, dataset.outputs()} : Shape{dataset.outputs()};
  if (graph.output().output_shape == outputs) return;
  if (positions > 1)
    throw UserError("model", fmt::format("network {} has outputs of shape {}; data set {} has a label for each of {} "
                                         "tokens: {}",
                                         graph.name, to_string(graph.output().output_shape), dataset.name, positions,
                                         to_string(outputs)));
  if (dataset.task == data::Task::kRegression)
    throw UserError("model", fmt::format("network {} has outputs of shape {}; data set {} has {} targets", graph.name,
                                         to_string(graph.output().output_shape), dataset.name, dataset.outputs()));
  throw UserError("model", fmt::format("network {} has outputs of shape {}; data set {} has {} classes", graph.name,
                                       to_string(graph.output().output_shape), dataset.name, dataset.classes));
}

void check_training(const TrainingJob& job) {
  check_fits(job.graph, *job.dataset);
  engine::planned_steps(job.settings, job.graph, job.dataset->train.rows());
}

std::filesystem::path training_to_resume(const TrainingJob& job, const std::string& name) {
  const std::vector<std::filesystem::path> known = trainings_of(job.project, name);
  for (const std::filesystem::path& folder : known) {
    try {
      load_checked_state(job, folder);
      return folder;
    } catch (const Error&) {
      // not this one: the newest says why where none fits
    }
  }
  const std::filesystem::path newest =
      known.empty() ? TrainingFiles::copies_in(job.project).resume.parent_path() : known.front();
  load_checked_state(job, newest);
  return newest;
}

TrainingResult run_training(const TrainingJob& job, const engine::StopToken& stop, Progress* progress) {
  const auto task = begin_progress(progress, {.label = "train", .unit = "steps"});
  return Runner(job, stop).run([&](std::int64_t done, std::int64_t total, const engine::HistoryRow* row) {
    task->set_total(total);
    task->set_done(done);
    if (row != nullptr && row->validation_loss) task->set_suffix(figures_of(*row));
  });
}

}  // namespace lathe::app
