#include "lathe/trial/seed_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "lathe/base/log.h"
#include "lathe/base/profile.h"
#include "lathe/trial/objective.h"
#include "lathe/trial/outcomes.h"

namespace lathe::trial {
namespace {

// The least share of checkpoint_interval that makes the state of an interrupted training worth a file.
constexpr double kWorthKeeping = 1.0 / 12;

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

}  // namespace

engine::RunIdentity identity_of(const recipe::StudySettings& settings, const Prepared& prepared, std::uint64_t repeat) {
  return {.seed = settings.seed, .candidate = prepared.key.first_word(), .repeat = repeat};
}

void SeedRun::load() {
  const Prepared& prepared = request_.prepared;
  session_.load(parts_.weights.state(prepared.candidate.graph, prepared.key, request_.repeat));
}

std::string SeedRun::train() {
  load();
  return train_loaded();
}

std::string SeedRun::run() {
  load();
  facts_ = {.graph = &request_.prepared.candidate.graph,
            .batch_size = parts_.settings.batch_size,
            .compare_to_bits = parts_.settings.compare_to_bits,
            .fetch_weights = [this] { return session_.state(); }};
  if (parts_.settings.train) {
    if (parts_.settings.pruner && request_.report) measure();
    if (const std::string reason = train_loaded(); !reason.empty()) return reason;
    facts_.training = &training_;
  }
  if (const std::string reason = evaluate(); !reason.empty()) return reason;
  if (request_.epochs != nullptr && (request_.epochs->empty() || request_.epochs->back().steps != training_.steps))
    note_epoch(training_);  // the last epoch is not whole
  facts_.validation = &result_;
  measure();
  std::string reason = compute_metrics();
  if (parts_.settings.racing && reason.empty()) keep_outcomes();
  return reason;
}

// Evaluates the rows of the study unless that was done at this step.
void SeedRun::look_at_rows(std::int64_t step) {
  if (result_step_ != step) result_ = parts_.runner.evaluate(session_);
  result_step_ = step;
}

// Evaluates after the training; returns the reason when that did not end well.
std::string SeedRun::evaluate() {
  const MachineGate::Stay stay(parts_.gate, false);
  if (request_.stop.requested()) {
    evaluation_.interrupted = true;
    return "interrupted before its evaluation";
  }
  engine::StopToken limit;
  const std::optional<double>& timeout = parts_.settings.trial_timeout_seconds;
  if (timeout) limit.set_deadline(after(*timeout));
  look_at_rows(training_.steps);
  if (limit.timed_out()) {
    evaluation_.timed_out = true;
    return fmt::format("trial_timeout of {} s struck during its evaluation", *timeout);
  }
  return std::isfinite(result_.loss()) ? std::string() : "diverged: its loss on the evaluated rows is not finite";
}

void SeedRun::measure() {
  if (!parts_.metrics.measures_latency() || facts_.latency_seconds) return;
  const PhaseScope phase(Phase::kCost);
  const MachineGate::Stay alone(parts_.gate, true);
  facts_.latency_seconds =
      metric::measure_latency(session_, parts_.runner.dataset().validation, parts_.settings.batch_size);
}

// Computes the metrics of what is known now; returns the reason when one that is needed is not finite.
std::string SeedRun::compute_metrics() {
  std::string reason = parts_.metrics.compute(facts_, evaluation_);
  facts_.known_weights.reset();  // training goes on, or the weights are kept
  return reason;
}

void SeedRun::keep_outcomes() {
  const PhaseScope phase(Phase::kEvaluate);
  const metric::RowsRequest request{.samples = parts_.runner.evaluated_part(),
                                    .first = 0,
                                    .count = std::min(parts_.runner.evaluated_rows(), kOutcomeRows),
                                    .loss = parts_.runner.loss(request_.prepared.candidate),
                                    .result = result_};
  evaluation_.outcomes = {encode(outcomes_of(parts_.settings, session_, request, evaluation_.metrics))};
}

// Says when training is to stop for a look at the evaluated rows.
engine::Interim SeedRun::interim() {
  if (request_.epochs != nullptr) {
    return {engine::Resource::kEpochs, 1, [this](std::int64_t, const engine::TrainReport& so_far) {
              note_epoch(so_far);
              return true;
            }};
  }
  const std::optional<recipe::PrunerChoice>& pruner = parts_.settings.pruner;
  if (!pruner || !request_.report) return {};
  return {pruner->resource, pruner->interval,
          [this](std::int64_t step, const engine::TrainReport& so_far) { return !report_interim(step, so_far); }};
}

// Notes the end of an epoch.
void SeedRun::note_epoch(const engine::TrainReport& so_far) {
  look_at_rows(so_far.steps);
  EpochResult epoch{.steps = so_far.steps,
                    .train_loss = so_far.history.back().train_loss.value_or(0),
                    .validation_loss = result_.loss()};
  if (!result_.regression()) epoch.validation_accuracy = result_.accuracy();
  request_.epochs->push_back(epoch);
}

// Evaluates a training in the middle and hands the objectives out; true when the trial is to be pruned.
bool SeedRun::report_interim(std::int64_t step, const engine::TrainReport& so_far) {
  look_at_rows(so_far.steps);
  facts_.validation = &result_;
  facts_.training = &so_far;
  compute_metrics();
  evaluation_.reports.push_back({.step = step, .values = score(parts_.settings, evaluation_.metrics).values});
  const bool prune = request_.report(evaluation_.reports.back());
  const bool at_end = so_far.steps >= so_far.total_steps;
  if (!at_end) ++evaluation_.judged;
  evaluation_.pruned = prune && !at_end;
  return prune;
}

// Takes up a training that was cut off; nullopt where there is none.
std::optional<engine::ResumePoint> SeedRun::resume(const TrialCheckpoint& kept) {
  const space::Candidate& candidate = request_.prepared.candidate;
  const std::int64_t planned = parts_.runner.planned_steps(candidate);
  std::optional<SavedTraining> saved = kept.read(candidate.graph, planned);
  if (!saved) return std::nullopt;
  session_.load(saved->training.weights);
  session_.set_optimizer(parts_.runner.training(candidate).optimizer);
  session_.load_optimizer_state(saved->training.optimizer);
  if (request_.report) {
    evaluation_.reports = std::move(saved->reports);
    evaluation_.judged = saved->judged;
    for (const sampler::Report& told : evaluation_.reports) request_.report(told);
  }
  log::info("a training that was cut off goes on after step {} of {}", saved->training.point.steps, planned);
  return std::move(saved->training.point);
}

std::string SeedRun::train_loaded() {
  const MachineGate::Stay stay(parts_.gate, parts_.metrics.measures_training());
  const PhaseScope phase(Phase::kTrain);
  const Prepared& prepared = request_.prepared;
  std::optional<TrialCheckpoint> kept;
  if (request_.epochs == nullptr) kept = parts_.checkpoints.of(prepared.key, request_.repeat);
  const std::optional<engine::ResumePoint> point = kept ? resume(*kept) : std::nullopt;
  const double earlier_seconds = point ? point->wall_seconds : 0;
  engine::StopToken limited;  // the time limit runs from here: waiting for the machine does not count
  limited.follow(&request_.stop);
  if (const std::optional<double>& timeout = parts_.settings.trial_timeout_seconds)
    limited.set_deadline(after(std::max(*timeout - earlier_seconds, 0.0)));
  engine::Saving saving{.interval_seconds = parts_.settings.checkpoint_interval_seconds};
  if (kept) {
    saving.call = [&](const engine::TrainReport& so_far) {
      kept->save(session_, so_far, evaluation_.reports, evaluation_.judged);
    };
  }
  training_ =
      engine::train(session_, prepared.candidate.graph, *parts_.runner.training_dataset(),
                    parts_.runner.training(prepared.candidate), identity_of(parts_.settings, prepared, request_.repeat),
                    limited, {.interim = interim(), .saving = saving, .resume = point ? &*point : nullptr});
  std::string reason = training_end();
  // A long evaluation may be cut off, too, and the user may stop the study where the next saving is far.
  const double worth = reason.empty() ? 1.0 : kWorthKeeping;
  const bool wanted = reason.empty() || evaluation_.interrupted;
  if (kept && wanted && training_.wall_seconds - earlier_seconds >= worth * saving.interval_seconds)
    saving.call(training_);
  return reason;
}

// Says why a training did not end well.
std::string SeedRun::training_end() {
  switch (training_.outcome) {
    case engine::TrainOutcome::kCompleted: return {};
    case engine::TrainOutcome::kDiverged: return fmt::format("diverged: {}", training_.reason);
    case engine::TrainOutcome::kTimedOut:
      evaluation_.timed_out = true;
      return fmt::format("trial_timeout of {} s struck at step {} of {}",
                         parts_.settings.trial_timeout_seconds.value_or(0), training_.steps, training_.total_steps);
    case engine::TrainOutcome::kStopped:
      if (evaluation_.pruned) return pruned_text(parts_.settings.pruner->resource, evaluation_.reports.back().step);
      evaluation_.interrupted = true;
      return fmt::format("interrupted at step {} of {}", training_.steps, training_.total_steps);
  }
  return {};
}

}  // namespace lathe::trial
