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
#include "lathe/trial/constraint.h"
#include "lathe/trial/repeats.h"
#include "lathe/trial/seed_run.h"
#include "lathe/trial/training_choices.h"

namespace lathe::trial {
namespace {

const ReportEnd kNoReport;

std::shared_ptr<const engine::CompiledNetwork> compile(const Prepared& prepared,
                                                       const engine::SessionSettings& settings) {
  const PhaseScope phase(Phase::kDecode);
  return prepared.backend->compile(prepared.candidate.graph, settings);
}

std::unique_ptr<engine::Session> make_session(const engine::CompiledNetwork& network) {
  const PhaseScope phase(Phase::kDecode);
  return network.make_session();
}

// Returns what a trial ends with that breaks a constraint on its network; nullopt where it breaks none.
std::optional<Evaluation> ruled_out(const recipe::StudySettings& settings, const ir::Graph& graph) {
  if (settings.constraints.empty()) return std::nullopt;
  const PhaseScope phase(Phase::kCost);
  const std::map<std::string, double> metrics = analysis_metrics(settings, graph);
  const std::string broken = broken_constraint(settings.constraints, metrics);
  if (broken.empty()) return std::nullopt;
  Evaluation evaluation;
  evaluation.ruled_out = true;
  evaluation.reason = fmt::format("ruled out: {}", broken);
  evaluation.metrics = metrics;
  evaluation.constraints = constraint_values(settings.constraints, metrics);
  return evaluation;
}

}  // namespace

Evaluator::Evaluator(const recipe::StudySettings& settings, const space::SearchSpace& space,
                     std::shared_ptr<const data::Dataset> dataset, engine::BackendList backends,
                     std::shared_ptr<const engine::State> loaded)
    : settings_(settings),
      runner_(settings, std::move(dataset)),
      weights_(settings, space, std::move(loaded)),
      preparer_(settings, space, runner_, weights_, std::move(backends)),
      metrics_(settings, runner_.dataset().train.positions > 1),
      memory_(settings),
      checkpoints_(settings) {
  check_training_choices(settings, space, runner_.trained_rows());
}

Evaluation Evaluator::evaluate(const Prepared& prepared, std::uint64_t repeat, const engine::StopToken& stop,
                               const ReportEnd& report) {
  Evaluation evaluation = evaluate_seed({.prepared = prepared, .repeat = repeat, .stop = stop, .report = report});
  if (!evaluation.interrupted) checkpoints_.forget(prepared.key, repeat, 1);
  return evaluation;
}

Evaluation Evaluator::evaluate(const Prepared& prepared, std::uint64_t repeat, const engine::StopToken& stop,
                               std::vector<EpochResult>& epochs) {
  return evaluate_seed({.prepared = prepared, .repeat = repeat, .stop = stop, .report = kNoReport, .epochs = &epochs});
}

// Evaluates a seed where there is memory for it.
Evaluation Evaluator::evaluate_seed(const SeedRequest& request) {
  const auto began = std::chrono::steady_clock::now();
  Evaluation evaluation;
  const engine::Backend& backend = *request.prepared.backend;
  const space::Candidate& candidate = request.prepared.candidate;
  const auto network = compile(request.prepared, runner_.session(candidate));
  const std::int64_t planned = planned_bytes(*network, candidate.graph);
  evaluation.usage = {.backend = backend.name(),
                      .target = backend.target(),
                      .accelerator = backend.accelerator(),
                      .planned_bytes = planned};
  if (const auto reason = memory_.refusal(backend, planned)) {
    evaluation.reason = *reason;
    evaluation.out_of_memory = true;
    return evaluation;
  }
  const MemoryBudget::Share share = memory_.share(backend, planned, request.stop);
  if (!share.granted()) {
    evaluation.interrupted = true;
    evaluation.reason = "interrupted while it waited for memory";
    return evaluation;
  }
  if (share.alone()) restart_peak_memory();
  run_seed(request, *network, evaluation);
  evaluation.usage.peak_bytes = peak_memory();
  if (!evaluation.complete && !evaluation.pruned) evaluation.metrics.clear();
  evaluation.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return evaluation;
}

// Runs a seed; memory that is not there after all is a reason.
void Evaluator::run_seed(const SeedRequest& request, const engine::CompiledNetwork& network, Evaluation& evaluation) {
  try {
    const auto session = make_session(network);
    const RunParts parts{settings_, runner_, weights_, metrics_, checkpoints_, gate_};
    evaluation.reason = SeedRun(parts, request, *session, evaluation).run();
    evaluation.complete = evaluation.reason.empty();
    if (evaluation.complete) evaluation.state = std::make_shared<const engine::State>(session->state());
  } catch (const std::bad_alloc& error) {
    evaluation.out_of_memory = true;
    evaluation.reason = fmt::format("out of memory ({} planned)", memory_text(evaluation.usage.planned_bytes));
    if (dynamic_cast<const OutOfMemory*>(&error) != nullptr) evaluation.reason += fmt::format(": {}", error.what());
  }
}

// Evaluates the further seeds of a trial and puts the means into its metrics.
void Evaluator::add_repeats(const Prepared& prepared, const engine::StopToken& stop, Evaluation& evaluation) {
  evaluation.repeats = {evaluation.metrics};
  for (std::int64_t repeat = 1; repeat < settings_.repeats; ++repeat) {
    const Evaluation other = evaluate_seed(
        {.prepared = prepared, .repeat = static_cast<std::uint64_t>(repeat), .stop = stop, .report = kNoReport});
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
  if (std::optional<Evaluation> out = ruled_out(settings_, prepared.candidate.graph)) return *out;
  Evaluation evaluation = evaluate_seed({.prepared = prepared, .repeat = 0, .stop = stop, .report = report});
  if (evaluation.complete && settings_.repeats > 1) add_repeats(prepared, stop, evaluation);
  // A trial that is cut off in its last seed does not train the others again.
  if (!evaluation.interrupted) checkpoints_.forget(prepared.key, 0, static_cast<std::uint64_t>(settings_.repeats));
  if (evaluation.complete || evaluation.pruned)
    evaluation.constraints = constraint_values(settings_.constraints, evaluation.metrics);
  return evaluation;
}

engine::EvaluationResult Evaluator::train_and_test(const Prepared& prepared, std::uint64_t repeat,
                                                   const engine::StopToken& stop) {
  LATHE_CHECK(settings_.train.has_value());
  const auto network = compile(prepared, runner_.session(prepared.candidate));
  const std::int64_t planned = planned_bytes(*network, prepared.candidate.graph);
  const MemoryBudget::Share share = memory_.share(*prepared.backend, planned, stop);
  const auto session = make_session(*network);
  Evaluation ignored;
  const RunParts parts{settings_, runner_, weights_, metrics_, checkpoints_, gate_};
  const SeedRequest request{.prepared = prepared, .repeat = repeat, .stop = stop, .report = kNoReport};
  const std::string reason = SeedRun(parts, request, *session, ignored).train();
  if (!reason.empty()) throw UserError(reason);
  const PhaseScope phase(Phase::kEvaluate);
  const data::Samples& rows = runner_.dataset().test;
  const engine::EvaluationResult result = session->evaluate(rows, 0, rows.rows());
  if (!std::isfinite(result.loss())) throw UserError("diverged: its loss on the test rows is not finite");
  checkpoints_.forget(prepared.key, repeat, 1);
  return result;
}

}  // namespace lathe::trial
