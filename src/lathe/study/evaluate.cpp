#include "lathe/study/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <new>

#include "lathe/base/check.h"
#include "lathe/base/profile.h"
#include "lathe/space/candidate_key.h"
#include "lathe/study/constraint.h"
#include "lathe/study/objective.h"
#include "lathe/study/repeats.h"
#include "lathe/study/training_choices.h"

namespace lathe::study {

void MachineGate::enter(bool alone) {
  const PhaseScope waits(Phase::kIdle);
  std::unique_lock lock(mutex_);
  if (alone) {
    ++waiting_alone_;
    changed_.wait(lock, [&] { return running_ == 0 && !alone_; });
    --waiting_alone_;
    alone_ = true;
  } else {
    changed_.wait(lock, [&] { return !alone_ && waiting_alone_ == 0; });
    ++running_;
  }
}

void MachineGate::leave(bool alone) {
  {
    const std::lock_guard lock(mutex_);
    if (alone)
      alone_ = false;
    else
      --running_;
  }
  changed_.notify_all();
}

namespace {

std::shared_ptr<const data::Dataset> dataset_trained_on(const StudySettings& settings,
                                                        const std::shared_ptr<const data::Dataset>& dataset) {
  if (!settings.train || settings.train->part == Part::kTrain) return dataset;
  auto swapped = std::make_shared<data::Dataset>(*dataset);
  swapped->train = swapped->validation;
  return swapped;
}

std::string megabytes(std::int64_t bytes) { return fmt::format("{:.1f} MB", static_cast<double>(bytes) * 1e-6); }

std::chrono::steady_clock::time_point after(double seconds) {
  return std::chrono::steady_clock::now() +
         std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(seconds));
}

std::string pruned_text(engine::Resource resource, std::int64_t step) {
  switch (resource) {
    case engine::Resource::kEpochs: return fmt::format("pruned after epoch {}", step);
    case engine::Resource::kSamples: return fmt::format("pruned after {} samples", step);
    case engine::Resource::kSeconds: return fmt::format("pruned after {} s", step);
  }
  return {};
}

std::unique_ptr<engine::Session> compile(const Prepared& prepared, const engine::SessionSettings& settings) {
  const PhaseScope phase(Phase::kDecode);
  return prepared.backend->make_session(prepared.candidate.graph, settings);
}

const engine::NamedTensor* find_tensor(const engine::State& state, const std::string& name, const Shape& shape) {
  for (const engine::NamedTensor& tensor : state) {
    if (tensor.name == name && tensor.shape == shape) return &tensor;
  }
  return nullptr;
}

}  // namespace

Evaluator::Evaluator(const StudySettings& settings, const space::SearchSpace& space,
                     std::shared_ptr<const data::Dataset> dataset, engine::BackendList backends,
                     std::shared_ptr<const engine::State> loaded)
    : settings_(settings),
      space_(space),
      dataset_(std::move(dataset)),
      training_dataset_(dataset_trained_on(settings, dataset_)),
      backends_(std::move(backends)),
      loaded_(std::move(loaded)),
      weights_text_(loaded_ ? engine::hash_state(*loaded_).to_hex() : fmt::format("fresh seed={}", settings.seed)),
      runner_text_(settings.runner_text()),
      metrics_(metrics_needed(settings)) {
  check_training_choices(settings, space, training_dataset_->train.rows());
  for (const metric::MetricKind* kind : metrics_) {
    if (kind->source != metric::Source::kMeasured) continue;
    (kind->needs_training ? measures_training_ : measures_latency_) = true;
  }
}

Prepared Evaluator::prepare(const space::Assignment& assignment) const {
  const PhaseScope phase(Phase::kDecode);
  Prepared prepared{.candidate = space_.decode(assignment), .backend = nullptr, .key = {}};
  prepared.backend =
      engine::choose_backend(backends_, settings_.backend, settings_.accelerator, prepared.candidate.graph,
                             settings_.train ? train_settings_for(prepared.candidate).loss : settings_.loss);
  std::string runner = runner_text_;
  if (!prepared.candidate.training.empty()) {
    const engine::TrainSettings chosen = train_settings_for(prepared.candidate);
    runner = settings_.runner_text(&chosen);
  }
  prepared.key = space::candidate_key(prepared.candidate.graph, runner, weights_text_, dataset_->fingerprint.hash,
                                      fmt::format("{} {}", prepared.backend->name(), prepared.backend->target()));
  return prepared;
}

engine::State Evaluator::starting_state(const ir::Graph& graph, const Digest& key, std::uint64_t repeat) const {
  const PhaseScope phase(Phase::kDecode);
  engine::State state = engine::initial_state(graph, settings_.seed, key.first_word(), repeat);
  if (!loaded_) return state;
  for (engine::NamedTensor& tensor : state) {
    if (const engine::NamedTensor* trained = find_tensor(*loaded_, tensor.name, tensor.shape)) tensor = *trained;
  }
  return state;
}

std::vector<std::string> Evaluator::untrained_tensors(const ir::Graph& graph) const {
  std::vector<std::string> names;
  if (settings_.train) return names;
  for (const engine::NamedTensor& tensor : engine::zero_state(graph)) {
    if (!tensor.trainable) continue;
    if (!loaded_ || find_tensor(*loaded_, tensor.name, tensor.shape) == nullptr) names.push_back(tensor.name);
  }
  return names;
}

engine::TrainSettings Evaluator::train_settings_for(const space::Candidate& candidate) const {
  engine::TrainSettings settings = settings_.train->settings;
  space::apply_training(candidate.training, settings);
  return settings;
}

engine::SessionSettings Evaluator::session_settings_for(const space::Candidate& candidate) const {
  const std::int64_t evaluated = std::min(settings_.batch_size, std::max<std::int64_t>(dataset_->validation.rows(), 1));
  if (!settings_.train) return {.batch_size = evaluated, .training = false, .loss = settings_.loss};
  const engine::TrainSettings train = train_settings_for(candidate);
  const std::int64_t batch = engine::largest_batch(train, candidate.graph, training_dataset_->train.rows());
  return {.batch_size = std::max(batch, evaluated), .training = true, .loss = train.loss};
}

std::int64_t Evaluator::epochs_of(const space::Candidate& candidate) const {
  const std::int64_t rows = training_dataset_->train.rows();
  const engine::TrainSettings settings = train_settings_for(candidate);
  engine::TrainSettings one = settings;
  one.max_epochs = 1;
  one.max_steps.reset();
  one.num_samples.reset();
  const std::int64_t steps = engine::planned_steps(one, candidate.graph, rows);
  return (engine::planned_steps(settings, candidate.graph, rows) + steps - 1) / steps;
}

struct Evaluator::Run {
  engine::Session& session;
  const Prepared& prepared;
  std::uint64_t repeat;
  const engine::StopToken& stop;
  Evaluation& evaluation;
  metric::TrialFacts facts = {};
  engine::TrainReport training = {};
  engine::EvaluationResult result = {};
  std::int64_t result_step = -1;               // the optimiser step at which `result` was taken
  std::vector<EpochResult>* epochs = nullptr;  // wants a result of every epoch; null: nobody does
};

// Says when training is to stop for a look at the evaluated rows.
engine::Interim Evaluator::interim_for(Run& run, const ReportEnd& report) {
  if (run.epochs != nullptr) {
    return {engine::Resource::kEpochs, 1, [&](std::int64_t, const engine::TrainReport& so_far) {
              note_epoch(run, so_far);
              return true;
            }};
  }
  if (!settings_.pruner || !report) return {};
  return {
      settings_.pruner->resource, settings_.pruner->interval,
      [&](std::int64_t step, const engine::TrainReport& so_far) { return !report_interim(run, step, so_far, report); }};
}

// Evaluates the rows unless that was done at this step, and notes the end of an epoch.
void Evaluator::note_epoch(Run& run, const engine::TrainReport& so_far) {
  if (run.result_step != so_far.steps) run.result = evaluate_rows(run.session);
  run.result_step = so_far.steps;
  EpochResult epoch{.steps = so_far.steps,
                    .train_loss = so_far.history.back().train_loss.value_or(0),
                    .validation_loss = run.result.loss()};
  if (!run.result.regression()) epoch.validation_accuracy = run.result.accuracy();
  run.epochs->push_back(epoch);
}

// Trains; returns the reason when training did not end well.
std::string Evaluator::train_session(Run& run, const ReportEnd& report) {
  const MachineGate::Pass pass(gate_, measures_training_);
  const PhaseScope phase(Phase::kTrain);
  engine::StopToken limited;  // the time limit runs from here: waiting for the machine does not count
  limited.follow(&run.stop);
  if (settings_.trial_timeout_seconds) limited.set_deadline(after(*settings_.trial_timeout_seconds));
  const engine::RunIdentity identity{
      .seed = settings_.seed, .candidate = run.prepared.key.first_word(), .repeat = run.repeat};
  const space::Candidate& candidate = run.prepared.candidate;
  run.training = engine::train(run.session, candidate.graph, *training_dataset_, train_settings_for(candidate),
                               identity, limited, {}, {}, nullptr, interim_for(run, report));
  switch (run.training.outcome) {
    case engine::TrainOutcome::kCompleted: return {};
    case engine::TrainOutcome::kDiverged: return fmt::format("diverged: {}", run.training.reason);
    case engine::TrainOutcome::kTimedOut:
      run.evaluation.timed_out = true;
      return fmt::format("trial_timeout of {} s struck at step {} of {}", settings_.trial_timeout_seconds.value_or(0),
                         run.training.steps, run.training.total_steps);
    case engine::TrainOutcome::kStopped:
      if (run.evaluation.pruned) return pruned_text(settings_.pruner->resource, run.evaluation.reports.back().step);
      run.evaluation.interrupted = true;
      return fmt::format("interrupted at step {} of {}", run.training.steps, run.training.total_steps);
  }
  return {};
}

// Evaluates a training in the middle and hands the objectives out; true when the trial is to be pruned.
bool Evaluator::report_interim(Run& run, std::int64_t step, const engine::TrainReport& so_far,
                               const ReportEnd& report) {
  run.result = evaluate_rows(run.session);
  run.result_step = so_far.steps;
  run.facts.validation = &run.result;
  run.facts.training = &so_far;
  compute_metrics(run.facts, run.evaluation);
  run.evaluation.reports.push_back({.step = step, .values = score(settings_, run.evaluation.metrics).values});
  const bool prune = report(run.evaluation.reports.back());
  const bool at_end = so_far.steps >= so_far.total_steps;
  if (!at_end) ++run.evaluation.judged;
  run.evaluation.pruned = prune && !at_end;
  return prune;
}

engine::EvaluationResult Evaluator::evaluate_rows(engine::Session& session) const {
  const PhaseScope phase(Phase::kEvaluate);
  const data::Samples& rows = settings_.evaluation.part == Part::kTrain ? dataset_->train : dataset_->validation;
  return session.evaluate(rows, 0, std::min(rows.rows(), settings_.evaluation.num_samples.value_or(rows.rows())));
}

// Evaluates the rows of the study, unless the last report did; returns the reason when that did not end well.
std::string Evaluator::evaluate_session(Run& run) {
  const MachineGate::Pass pass(gate_, false);
  if (run.stop.requested()) {
    run.evaluation.interrupted = true;
    return "interrupted before its evaluation";
  }
  engine::StopToken limit;
  if (settings_.trial_timeout_seconds) limit.set_deadline(after(*settings_.trial_timeout_seconds));
  if (run.result_step != run.training.steps) run.result = evaluate_rows(run.session);
  run.result_step = run.training.steps;
  if (limit.timed_out()) {
    run.evaluation.timed_out = true;
    return fmt::format("trial_timeout of {} s struck during its evaluation", *settings_.trial_timeout_seconds);
  }
  return std::isfinite(run.result.loss()) ? std::string() : "diverged: its loss on the evaluated rows is not finite";
}

void Evaluator::measure(engine::Session& session, metric::TrialFacts& facts) {
  if (!measures_latency_ || facts.latency_seconds) return;
  const PhaseScope phase(Phase::kCost);
  const MachineGate::Pass alone(gate_, true);
  facts.latency_seconds = metric::measure_latency(session, dataset_->validation, settings_.batch_size);
}

// Computes all metrics that the facts give; returns the reason when one that is needed is not finite.
std::string Evaluator::compute_metrics(const metric::TrialFacts& facts, Evaluation& evaluation) const {
  const PhaseScope phase(Phase::kCost);
  std::string reason;
  const bool of_tokens = dataset_->train.positions > 1;
  for (const metric::MetricKind& kind : metric::metric_kinds()) {
    const bool needed = std::find(metrics_.begin(), metrics_.end(), &kind) != metrics_.end();
    if (!needed && (kind.source == metric::Source::kMeasured || (kind.of_tokens && !of_tokens))) continue;
    const std::optional<double> value = kind.compute(facts);
    if (value && (needed || std::isfinite(*value))) evaluation.metrics[kind.name] = *value;
    if (!needed) continue;
    LATHE_CHECK(value.has_value(), "metric {}", kind.name);
    if (!std::isfinite(*value)) reason = fmt::format("the metric {} is not finite", kind.name);
    if (kind.source == metric::Source::kMeasured && facts.latency_seconds && !kind.needs_training) {
      evaluation.spreads[kind.name] = facts.latency_seconds->spread;
    }
  }
  return reason;
}

// Trains where the study trains, evaluates and computes the metrics; returns the reason when that did not end well.
std::string Evaluator::run_session(Run& run, const ReportEnd& report) {
  const ir::Graph& graph = run.prepared.candidate.graph;
  run.session.load(starting_state(graph, run.prepared.key, run.repeat));
  run.facts = {.graph = &graph, .batch_size = settings_.batch_size, .compare_to_bits = settings_.compare_to_bits};
  if (settings_.train) {
    if (settings_.pruner && report) measure(run.session, run.facts);
    if (const std::string reason = train_session(run, report); !reason.empty()) return reason;
    run.facts.training = &run.training;
  }
  if (const std::string reason = evaluate_session(run); !reason.empty()) return reason;
  if (run.epochs != nullptr && (run.epochs->empty() || run.epochs->back().steps != run.training.steps)) {
    note_epoch(run, run.training);  // the last epoch is not whole
  }
  run.facts.validation = &run.result;
  measure(run.session, run.facts);
  return compute_metrics(run.facts, run.evaluation);
}

Evaluation Evaluator::evaluate(const Prepared& prepared, std::uint64_t repeat, const engine::StopToken& stop,
                               const ReportEnd& report) {
  return run_seed(prepared, repeat, stop, report, nullptr);
}

Evaluation Evaluator::evaluate(const Prepared& prepared, std::uint64_t repeat, const engine::StopToken& stop,
                               std::vector<EpochResult>& epochs) {
  return run_seed(prepared, repeat, stop, {}, &epochs);
}

Evaluation Evaluator::run_seed(const Prepared& prepared, std::uint64_t repeat, const engine::StopToken& stop,
                               const ReportEnd& report, std::vector<EpochResult>* epochs) {
  const auto began = std::chrono::steady_clock::now();
  Evaluation evaluation;
  const ir::Graph& graph = prepared.candidate.graph;
  const engine::SessionSettings session_settings = session_settings_for(prepared.candidate);
  const std::int64_t planned = prepared.backend->planned_bytes(graph, session_settings);
  if (settings_.trial_memory_bytes && planned > *settings_.trial_memory_bytes) {
    evaluation.reason =
        fmt::format("needs {}, above trial_memory of {}", megabytes(planned), megabytes(*settings_.trial_memory_bytes));
    return evaluation;
  }
  try {
    const auto session = compile(prepared, session_settings);
    Run run{.session = *session, .prepared = prepared, .repeat = repeat, .stop = stop, .evaluation = evaluation};
    run.epochs = epochs;
    evaluation.reason = run_session(run, report);
    evaluation.complete = evaluation.reason.empty();
    if (evaluation.complete) evaluation.state = std::make_shared<const engine::State>(session->state());
  } catch (const std::bad_alloc&) {
    evaluation.out_of_memory = true;
    evaluation.reason = fmt::format("out of memory ({} planned)", megabytes(planned));
  }
  if (!evaluation.complete && !evaluation.pruned) evaluation.metrics.clear();
  evaluation.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return evaluation;
}

// Looks at the constraints that the network alone decides.
std::optional<Evaluation> Evaluator::ruled_out(const Prepared& prepared) const {
  if (settings_.constraints.empty()) return std::nullopt;
  const PhaseScope phase(Phase::kCost);
  const std::map<std::string, double> metrics = analysis_metrics(settings_, prepared.candidate.graph);
  const std::string broken = broken_constraint(settings_.constraints, metrics);
  if (broken.empty()) return std::nullopt;
  Evaluation evaluation;
  evaluation.ruled_out = true;
  evaluation.reason = fmt::format("ruled out: {}", broken);
  evaluation.metrics = metrics;
  evaluation.constraints = constraint_values(settings_.constraints, metrics);
  return evaluation;
}

// Evaluates the further seeds of a trial and puts the means into its metrics.
void Evaluator::add_repeats(const Prepared& prepared, const engine::StopToken& stop, Evaluation& evaluation) {
  evaluation.repeats = {evaluation.metrics};
  for (std::int64_t repeat = 1; repeat < settings_.repeats; ++repeat) {
    const Evaluation other = evaluate(prepared, static_cast<std::uint64_t>(repeat), stop);
    evaluation.wall_seconds += other.wall_seconds;
    evaluation.timed_out |= other.timed_out;
    evaluation.interrupted |= other.interrupted;
    if (!other.complete) {
      evaluation.complete = false;
      evaluation.reason = fmt::format("seed {} of {}: {}", repeat + 1, settings_.repeats, other.reason);
      evaluation.metrics.clear();
      evaluation.state.reset();
      return;
    }
    evaluation.repeats.push_back(other.metrics);
  }
  const RepeatSummary summary = summarise_repeats(evaluation.repeats);
  evaluation.metrics = summary.means;
  evaluation.standard_errors = summary.standard_errors;
}

Evaluation Evaluator::evaluate_trial(const Prepared& prepared, const engine::StopToken& stop, const ReportEnd& report) {
  if (std::optional<Evaluation> out = ruled_out(prepared)) return *out;
  Evaluation evaluation = evaluate(prepared, 0, stop, report);
  if (evaluation.complete && settings_.repeats > 1) add_repeats(prepared, stop, evaluation);
  if (evaluation.complete || evaluation.pruned) {
    evaluation.constraints = constraint_values(settings_.constraints, evaluation.metrics);
  }
  return evaluation;
}

engine::EvaluationResult Evaluator::train_and_test(const Prepared& prepared, std::uint64_t repeat,
                                                   const engine::StopToken& stop) {
  LATHE_CHECK(settings_.train.has_value());
  const ir::Graph& graph = prepared.candidate.graph;
  const auto session = compile(prepared, session_settings_for(prepared.candidate));
  session->load(starting_state(graph, prepared.key, repeat));
  Evaluation ignored;
  Run run{.session = *session, .prepared = prepared, .repeat = repeat, .stop = stop, .evaluation = ignored};
  const std::string reason = train_session(run, {});
  if (!reason.empty()) throw UserError(reason);
  const PhaseScope phase(Phase::kEvaluate);
  const engine::EvaluationResult result = session->evaluate(dataset_->test, 0, dataset_->test.rows());
  if (!std::isfinite(result.loss())) throw UserError("diverged: its loss on the test rows is not finite");
  return result;
}

}  // namespace lathe::study
