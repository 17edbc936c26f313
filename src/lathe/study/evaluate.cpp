#include "lathe/study/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <new>

#include "lathe/base/check.h"
#include "lathe/space/candidate_key.h"

namespace lathe::study {

void MachineGate::enter(bool alone) {
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
  for (const metric::MetricKind* kind : metrics_) {
    if (kind->source != metric::Source::kMeasured) continue;
    (kind->needs_training ? measures_training_ : measures_latency_) = true;
  }
}

Prepared Evaluator::prepare(const space::Assignment& assignment) const {
  Prepared prepared{.candidate = space_.decode(assignment), .backend = nullptr, .key = {}};
  prepared.backend =
      engine::choose_backend(backends_, settings_.backend, settings_.accelerator, prepared.candidate.graph);
  prepared.key = space::candidate_key(prepared.candidate.graph, runner_text_, weights_text_, dataset_->fingerprint.hash,
                                      fmt::format("{} {}", prepared.backend->name(), prepared.backend->target()));
  return prepared;
}

engine::State Evaluator::starting_state(const ir::Graph& graph, const Digest& key, std::uint64_t repeat) const {
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

engine::SessionSettings Evaluator::session_settings_for(const ir::Graph& graph) const {
  const std::int64_t evaluated = std::min(settings_.batch_size, std::max<std::int64_t>(dataset_->validation.rows(), 1));
  if (!settings_.train) return {.batch_size = evaluated, .training = false};
  const std::int64_t batch = engine::largest_batch(settings_.train->settings, graph, training_dataset_->train.rows());
  return {.batch_size = std::max(batch, evaluated), .training = true};
}

// Trains; returns the reason when training did not end well.
std::string Evaluator::train_session(engine::Session& session, const Prepared& prepared, std::uint64_t repeat,
                                     const engine::StopToken& stop, engine::TrainReport& report,
                                     Evaluation& evaluation) {
  const MachineGate::Pass pass(gate_, measures_training_);
  engine::StopToken limited;  // the time limit runs from here: waiting for the machine does not count
  limited.follow(&stop);
  if (settings_.trial_timeout_seconds) limited.set_deadline(after(*settings_.trial_timeout_seconds));
  const engine::RunIdentity identity{.seed = settings_.seed, .candidate = prepared.key.first_word(), .repeat = repeat};
  report = engine::train(session, prepared.candidate.graph, *training_dataset_, settings_.train->settings, identity,
                         limited);
  switch (report.outcome) {
    case engine::TrainOutcome::kCompleted: return {};
    case engine::TrainOutcome::kDiverged: return fmt::format("diverged: {}", report.reason);
    case engine::TrainOutcome::kTimedOut:
      evaluation.timed_out = true;
      return fmt::format("trial_timeout of {} s struck at step {} of {}", settings_.trial_timeout_seconds.value_or(0),
                         report.steps, report.total_steps);
    case engine::TrainOutcome::kStopped:
      evaluation.interrupted = true;
      return fmt::format("interrupted at step {} of {}", report.steps, report.total_steps);
  }
  return {};
}

// Evaluates the rows of the study; returns the reason when that did not end well.
std::string Evaluator::evaluate_session(engine::Session& session, const engine::StopToken& stop,
                                        engine::EvaluationResult& result, Evaluation& evaluation) {
  const MachineGate::Pass pass(gate_, false);
  if (stop.requested()) {
    evaluation.interrupted = true;
    return "interrupted before its evaluation";
  }
  engine::StopToken limit;
  if (settings_.trial_timeout_seconds) limit.set_deadline(after(*settings_.trial_timeout_seconds));
  const data::Samples& rows = settings_.evaluation.part == Part::kTrain ? dataset_->train : dataset_->validation;
  result = session.evaluate(rows, 0, std::min(rows.rows(), settings_.evaluation.num_samples.value_or(rows.rows())));
  if (limit.timed_out()) {
    evaluation.timed_out = true;
    return fmt::format("trial_timeout of {} s struck during its evaluation", *settings_.trial_timeout_seconds);
  }
  return std::isfinite(result.loss()) ? std::string() : "diverged: its loss on the evaluated rows is not finite";
}

void Evaluator::measure(engine::Session& session, metric::TrialFacts& facts) {
  if (!measures_latency_) return;
  const MachineGate::Pass alone(gate_, true);
  facts.latency_seconds = metric::measure_latency(session, dataset_->validation, settings_.batch_size);
}

void Evaluator::compute_metrics(const metric::TrialFacts& facts, Evaluation& evaluation) const {
  for (const metric::MetricKind& kind : metric::metric_kinds()) {
    const bool needed = std::find(metrics_.begin(), metrics_.end(), &kind) != metrics_.end();
    if (!needed && kind.source == metric::Source::kMeasured) continue;
    const std::optional<double> value = kind.compute(facts);
    if (value) evaluation.metrics[kind.name] = *value;
    if (!needed) continue;
    LATHE_CHECK(value.has_value(), "metric {}", kind.name);
    if (!std::isfinite(*value)) evaluation.reason = fmt::format("the metric {} is not finite", kind.name);
    if (kind.source == metric::Source::kMeasured && facts.latency_seconds && !kind.needs_training) {
      evaluation.spreads[kind.name] = facts.latency_seconds->spread;
    }
  }
}

Evaluation Evaluator::evaluate(const Prepared& prepared, std::uint64_t repeat, const engine::StopToken& stop) {
  const auto began = std::chrono::steady_clock::now();
  Evaluation evaluation;
  const ir::Graph& graph = prepared.candidate.graph;
  const engine::SessionSettings session_settings = session_settings_for(graph);
  const std::int64_t planned = prepared.backend->planned_bytes(graph, session_settings);
  if (settings_.trial_memory_bytes && planned > *settings_.trial_memory_bytes) {
    evaluation.reason =
        fmt::format("needs {}, above trial_memory of {}", megabytes(planned), megabytes(*settings_.trial_memory_bytes));
    return evaluation;
  }
  try {
    const auto session = prepared.backend->make_session(graph, session_settings);
    session->load(starting_state(graph, prepared.key, repeat));
    engine::TrainReport report;
    if (settings_.train) evaluation.reason = train_session(*session, prepared, repeat, stop, report, evaluation);
    if (!evaluation.reason.empty()) return evaluation;

    metric::TrialFacts facts{
        .graph = &graph, .batch_size = settings_.batch_size, .compare_to_bits = settings_.compare_to_bits};
    if (settings_.train) facts.training = &report;
    engine::EvaluationResult result;
    evaluation.reason = evaluate_session(*session, stop, result, evaluation);
    if (!evaluation.reason.empty()) return evaluation;
    facts.validation = &result;
    measure(*session, facts);
    compute_metrics(facts, evaluation);
    evaluation.complete = evaluation.reason.empty();
    evaluation.state = std::make_shared<const engine::State>(session->state());
  } catch (const std::bad_alloc&) {
    evaluation.reason = fmt::format("out of memory ({} planned)", megabytes(planned));
  }
  evaluation.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return evaluation;
}

engine::EvaluationResult Evaluator::train_and_test(const Prepared& prepared, std::uint64_t repeat,
                                                   const engine::StopToken& stop) {
  LATHE_CHECK(settings_.train.has_value());
  const ir::Graph& graph = prepared.candidate.graph;
  const auto session = prepared.backend->make_session(graph, session_settings_for(graph));
  session->load(starting_state(graph, prepared.key, repeat));
  engine::TrainReport report;
  Evaluation ignored;
  const std::string reason = train_session(*session, prepared, repeat, stop, report, ignored);
  if (!reason.empty()) throw UserError(reason);
  const engine::EvaluationResult result = session->evaluate(dataset_->test, 0, dataset_->test.rows());
  if (!std::isfinite(result.loss())) throw UserError("diverged: its loss on the test rows is not finite");
  return result;
}

}  // namespace lathe::study
