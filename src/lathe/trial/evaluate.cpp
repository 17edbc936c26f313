#include "lathe/trial/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <new>

#include "lathe/base/check.h"
#include "lathe/base/out_of_memory.h"
#include "lathe/base/process_memory.h"
#include "lathe/base/profile.h"
#include "lathe/engine/tensor_name.h"
#include "lathe/space/candidate_key.h"
#include "lathe/trial/constraint.h"
#include "lathe/trial/evaluate_run.h"
#include "lathe/trial/objective.h"
#include "lathe/trial/outcomes.h"
#include "lathe/trial/repeats.h"
#include "lathe/trial/training_choices.h"

namespace lathe::trial {

std::string to_string(const Usage& usage) {
  if (usage.accelerator.empty()) return {};
  return fmt::format("{}{}{} on {}", usage.backend, usage.target.empty() ? "" : " ", usage.target, usage.accelerator);
}

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

std::shared_ptr<const data::Dataset> dataset_trained_on(const recipe::StudySettings& settings,
                                                        const std::shared_ptr<const data::Dataset>& dataset) {
  if (!settings.train || settings.train->part == recipe::Part::kTrain) return dataset;
  auto swapped = std::make_shared<data::Dataset>();
  swapped->name = dataset->name;
  swapped->classes = dataset->classes;
  swapped->fingerprint = dataset->fingerprint;
  swapped->task = dataset->task;
  swapped->preprocessing = dataset->preprocessing;
  swapped->train = dataset->validation;
  return swapped;
}

// Returns the budget of the running trials: what the user gave, or what the machine has.
MemoryBudget memory_budget_of(const recipe::StudySettings& settings) {
  if (settings.max_memory_bytes) return {settings.max_memory_bytes, ""};
  return {available_memory(), " (what was free at the start)"};
}

std::shared_ptr<const engine::CompiledNetwork> compile(const Prepared& prepared,
                                                       const engine::SessionSettings& settings) {
  const PhaseScope phase(Phase::kDecode);
  return prepared.backend->compile(prepared.candidate.graph, settings);
}

std::unique_ptr<engine::Session> make_session(const engine::CompiledNetwork& network) {
  const PhaseScope phase(Phase::kDecode);
  return network.make_session();
}

// Returns the bytes of one copy of a network's weights, outside its session: where training begins, what is kept.
std::int64_t state_bytes(const ir::Graph& graph) {
  std::int64_t values = 0;
  for (const ir::Node& node : graph.nodes) {
    for (const ir::Parameter& parameter : node.parameters) values += element_count(parameter.shape);
  }
  return values * static_cast<std::int64_t>(sizeof(float));
}

const engine::NamedTensor* find_tensor(const engine::State& state, const std::string& name, const Shape& shape) {
  for (const engine::NamedTensor& tensor : state) {
    if (tensor.name == name && tensor.shape == shape) return &tensor;
  }
  return nullptr;
}

}  // namespace

Evaluator::Evaluator(const recipe::StudySettings& settings, const space::SearchSpace& space,
                     std::shared_ptr<const data::Dataset> dataset, engine::BackendList backends,
                     std::shared_ptr<const engine::State> loaded)
    : settings_(settings),
      space_(space),
      dataset_(std::move(dataset)),
      training_dataset_(dataset_trained_on(settings, dataset_)),
      backends_(std::move(backends)),
      loaded_(std::move(loaded)),
      weights_text_(weights_description()),
      runner_text_(settings.runner_text()),
      metrics_(recipe::metrics_needed(settings)),
      memory_(memory_budget_of(settings)) {
  check_training_choices(settings, space, training_dataset_->train.rows());
  for (const metric::MetricKind* kind : metrics_) {
    if (kind->source != metric::Source::kMeasured) continue;
    (kind->needs_training ? measures_training_ : measures_latency_) = true;
  }
}

Prepared Evaluator::prepare(const space::Assignment& assignment) const {
  const PhaseScope phase(Phase::kDecode);
  Prepared prepared{.candidate = space_.decode(assignment), .backend = nullptr, .key = {}};
  prepared.backend = engine::choose_backend(
      backends_, settings_.backend, settings_.accelerator, prepared.candidate.graph,
      settings_.train ? train_settings_for(prepared.candidate).loss : settings_.loss, settings_.precision);
  std::string runner = runner_text_;
  if (!prepared.candidate.training.empty()) {
    const engine::TrainSettings chosen = train_settings_for(prepared.candidate);
    runner = settings_.runner_text(&chosen);
  }
  prepared.key = space::candidate_key(prepared.candidate.graph, runner, weights_text_, dataset_->fingerprint.hash,
                                      settings_.backend_text(*prepared.backend));
  return prepared;
}

Prepared Evaluator::prepare_base() const {
  LATHE_CHECK(settings_.train.has_value());
  Prepared prepared{.candidate = {}, .backend = nullptr, .key = {}, .base = true};
  prepared.candidate.graph = space_.base();
  prepared.backend = engine::choose_backend(backends_, settings_.backend, settings_.accelerator, space_.base(),
                                            settings_.loss, settings_.precision);
  prepared.key = space::candidate_key(space_.base(), runner_text_, fmt::format("base seed={}", settings_.seed),
                                      dataset_->fingerprint.hash, settings_.backend_text(*prepared.backend));
  return prepared;
}

void Evaluator::start_from(std::shared_ptr<const engine::State> base) {
  loaded_ = std::move(base);
  weights_text_ = weights_description();
}

std::string Evaluator::weights_description() const {
  const std::string hash = loaded_ ? engine::hash_state(*loaded_).to_hex() : std::string();
  if (settings_.weights != engine::WeightPolicy::kFresh)
    return fmt::format("{} {}", engine::to_string(settings_.weights), hash);
  return loaded_ ? hash : fmt::format("fresh seed={}", settings_.seed);
}

engine::State Evaluator::starting_state(const Prepared& prepared, std::uint64_t repeat) const {
  const PhaseScope phase(Phase::kDecode);
  const ir::Graph& graph = prepared.candidate.graph;
  engine::State state = engine::initial_state(graph, settings_.seed, prepared.key.first_word(), repeat);
  if (!loaded_ || prepared.base) return state;
  if (settings_.weights != engine::WeightPolicy::kFresh) {
    return engine::transfer_weights(space_.base(), *loaded_, graph, std::move(state), settings_.weights);
  }
  for (engine::NamedTensor& tensor : state) {
    if (const engine::NamedTensor* trained = find_tensor(*loaded_, tensor.name, tensor.shape)) tensor = *trained;
  }
  return state;
}

std::vector<std::string> Evaluator::untrained_tensors(const ir::Graph& graph) const {
  std::vector<std::string> names;
  if (settings_.train || settings_.weights != engine::WeightPolicy::kFresh) return names;
  for (const ir::Node& node : graph.nodes) {
    for (const ir::Parameter& parameter : node.parameters) {
      if (!parameter.trainable) continue;
      std::string name = engine::tensor_name(node, parameter);
      if (!loaded_ || find_tensor(*loaded_, name, parameter.shape) == nullptr) names.push_back(std::move(name));
    }
  }
  return names;
}

engine::TrainSettings Evaluator::train_settings_for(const space::Candidate& candidate) const {
  engine::TrainSettings settings = settings_.train->settings;
  space::apply_training(candidate.training, settings);
  return settings;
}

std::int64_t Evaluator::evaluation_batch() const {
  return std::min(settings_.batch_size, std::max<std::int64_t>(dataset_->validation.rows(), 1));
}

TrialRecipe Evaluator::recipe(const Prepared& prepared, std::uint64_t repeat,
                              const engine::TrainSettings& otherwise) const {
  return {.settings = settings_.train ? train_settings_for(prepared.candidate) : otherwise,
          .identity = {.seed = settings_.seed, .candidate = prepared.key.first_word(), .repeat = repeat},
          .start = starting_state(prepared, repeat),
          .dataset = training_dataset_,
          .evaluation_batch = evaluation_batch()};
}

engine::SessionSettings Evaluator::session_settings_for(const space::Candidate& candidate) const {
  const std::int64_t evaluated = evaluation_batch();
  if (!settings_.train) {
    return {.batch_size = evaluated,
            .training = false,
            .loss = settings_.loss,
            .threads = settings_.threads,
            .precision = settings_.precision};
  }
  const engine::TrainSettings train = train_settings_for(candidate);
  const std::int64_t batch = engine::largest_batch(train, candidate.graph, training_dataset_->train.rows());
  return {.batch_size = std::max(batch, evaluated),
          .training = true,
          .loss = train.loss,
          .threads = settings_.threads,
          .precision = settings_.precision};
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

const data::Samples& Evaluator::samples_to_evaluate() const {
  return settings_.evaluation.part == recipe::Part::kTrain ? dataset_->train : dataset_->validation;
}

engine::EvaluationResult Evaluator::evaluate_rows(engine::Session& session) const {
  const PhaseScope phase(Phase::kEvaluate);
  const data::Samples& rows = samples_to_evaluate();
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
  run.session.load(starting_state(run.prepared, run.repeat));
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
  std::string reason = compute_metrics(run.facts, run.evaluation);
  if (settings_.racing && reason.empty()) keep_outcomes(run);
  return reason;
}

void Evaluator::keep_outcomes(Run& run) const {
  const PhaseScope phase(Phase::kEvaluate);
  const metric::RowsRequest request{.samples = samples_to_evaluate(),
                                    .first = 0,
                                    .count = std::min(evaluated_rows(), kOutcomeRows),
                                    .loss = session_settings_for(run.prepared.candidate).loss,
                                    .result = run.result};
  run.evaluation.outcomes = {encode(outcomes_of(settings_, run.session, request, run.evaluation.metrics))};
}

Evaluation Evaluator::evaluate(const Prepared& prepared, std::uint64_t repeat, const engine::StopToken& stop,
                               const ReportEnd& report) {
  Evaluation evaluation = run_seed(prepared, repeat, stop, report, nullptr);
  if (!evaluation.interrupted) forget_checkpoints(prepared, repeat, 1);
  return evaluation;
}

Evaluation Evaluator::evaluate(const Prepared& prepared, std::uint64_t repeat, const engine::StopToken& stop,
                               std::vector<EpochResult>& epochs) {
  return run_seed(prepared, repeat, stop, {}, &epochs);
}

std::optional<std::string> Evaluator::memory_refusal(const engine::Backend& backend, std::int64_t bytes) const {
  if (settings_.trial_memory_bytes && bytes > *settings_.trial_memory_bytes) {
    return fmt::format("needs {}, trial_memory is {}", memory_text(bytes), memory_text(*settings_.trial_memory_bytes));
  }
  return counts_for_budget(backend) ? memory_.refusal(bytes) : std::nullopt;
}

// The memory of other devices is not the machine's: their back ends say when it is not enough, unless the user does.
bool Evaluator::counts_for_budget(const engine::Backend& backend) const {
  return settings_.max_memory_bytes || backend.accelerator() == "cpu";
}

Evaluation Evaluator::run_seed(const Prepared& prepared, std::uint64_t repeat, const engine::StopToken& stop,
                               const ReportEnd& report, std::vector<EpochResult>* epochs) {
  const auto began = std::chrono::steady_clock::now();
  Evaluation evaluation;
  const engine::Backend& backend = *prepared.backend;
  const auto network = compile(prepared, session_settings_for(prepared.candidate));
  const std::int64_t planned = network->session_bytes() + state_bytes(prepared.candidate.graph);
  evaluation.usage = {.backend = backend.name(),
                      .target = backend.target(),
                      .accelerator = backend.accelerator(),
                      .planned_bytes = planned};
  if (const auto reason = memory_refusal(backend, planned)) {
    evaluation.reason = *reason;
    evaluation.out_of_memory = true;
    return evaluation;
  }
  const MemoryBudget::Share share(memory_, counts_for_budget(backend) ? planned : 0, stop);
  if (!share.granted()) {
    evaluation.interrupted = true;
    evaluation.reason = "interrupted while it waited for memory";
    return evaluation;
  }
  if (share.alone()) restart_peak_memory();
  try {
    const auto session = make_session(*network);
    Run run{.session = *session, .prepared = prepared, .repeat = repeat, .stop = stop, .evaluation = evaluation};
    run.epochs = epochs;
    evaluation.reason = run_session(run, report);
    evaluation.complete = evaluation.reason.empty();
    if (evaluation.complete) evaluation.state = std::make_shared<const engine::State>(session->state());
  } catch (const std::bad_alloc& error) {
    evaluation.out_of_memory = true;
    evaluation.reason = fmt::format("out of memory ({} planned)", memory_text(planned));
    if (dynamic_cast<const OutOfMemory*>(&error) != nullptr) evaluation.reason += fmt::format(": {}", error.what());
  }
  evaluation.usage.peak_bytes = peak_memory();
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
    const Evaluation other = run_seed(prepared, static_cast<std::uint64_t>(repeat), stop, {}, nullptr);
    evaluation.usage.peak_bytes = std::max(evaluation.usage.peak_bytes, other.usage.peak_bytes);
    evaluation.wall_seconds += other.wall_seconds;
    evaluation.timed_out |= other.timed_out;
    evaluation.out_of_memory |= other.out_of_memory;
    evaluation.interrupted |= other.interrupted;
    if (!other.complete) {
      evaluation.complete = false;
      evaluation.reason = fmt::format("seed {} of {}: {}", repeat + 1, settings_.repeats, other.reason);
      evaluation.metrics.clear();
      evaluation.outcomes.clear();
      evaluation.state.reset();
      return;
    }
    evaluation.repeats.push_back(other.metrics);
    evaluation.outcomes.insert(evaluation.outcomes.end(), other.outcomes.begin(), other.outcomes.end());
  }
  const RepeatSummary summary = summarise_repeats(evaluation.repeats);
  evaluation.metrics = summary.means;
  evaluation.standard_errors = summary.standard_errors;
}

Evaluation Evaluator::evaluate_trial(const Prepared& prepared, const engine::StopToken& stop, const ReportEnd& report) {
  if (std::optional<Evaluation> out = ruled_out(prepared)) return *out;
  Evaluation evaluation = run_seed(prepared, 0, stop, report, nullptr);
  if (evaluation.complete && settings_.repeats > 1) add_repeats(prepared, stop, evaluation);
  // A trial that is cut off in its last seed does not train the others again.
  if (!evaluation.interrupted) forget_checkpoints(prepared, 0, static_cast<std::uint64_t>(settings_.repeats));
  if (evaluation.complete || evaluation.pruned) {
    evaluation.constraints = constraint_values(settings_.constraints, evaluation.metrics);
  }
  return evaluation;
}

engine::EvaluationResult Evaluator::train_and_test(const Prepared& prepared, std::uint64_t repeat,
                                                   const engine::StopToken& stop) {
  LATHE_CHECK(settings_.train.has_value());
  const auto network = compile(prepared, session_settings_for(prepared.candidate));
  const std::int64_t planned = network->session_bytes() + state_bytes(prepared.candidate.graph);
  const MemoryBudget::Share share(memory_, counts_for_budget(*prepared.backend) ? planned : 0, stop);
  const auto session = make_session(*network);
  session->load(starting_state(prepared, repeat));
  Evaluation ignored;
  Run run{.session = *session, .prepared = prepared, .repeat = repeat, .stop = stop, .evaluation = ignored};
  const std::string reason = train_session(run, {});
  if (!reason.empty()) throw UserError(reason);
  const PhaseScope phase(Phase::kEvaluate);
  const engine::EvaluationResult result = session->evaluate(dataset_->test, 0, dataset_->test.rows());
  if (!std::isfinite(result.loss())) throw UserError("diverged: its loss on the test rows is not finite");
  forget_checkpoints(prepared, repeat, 1);
  return result;
}

}  // namespace lathe::trial
