#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/log.h"
#include "lathe/base/profile.h"
#include "lathe/recipe/study_text.h"
#include "lathe/trial/evaluate_run.h"
#include "lathe/trial/objective.h"

namespace lathe::trial {
namespace {

// The least share of checkpoint_interval that makes the state of an interrupted training worth a file.
constexpr double kWorthKeeping = 1.0 / 12;

std::string pruned_text(engine::Resource resource, std::int64_t step) {
  switch (resource) {
    case engine::Resource::kEpochs: return fmt::format("pruned after epoch {}", step);
    case engine::Resource::kSamples: return fmt::format("pruned after {} samples", step);
    case engine::Resource::kSeconds: return fmt::format("pruned after {} s", step);
  }
  return {};
}

}  // namespace

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

// Returns where the state of a training is kept; nullopt where it is not.
std::optional<TrialCheckpoint> Evaluator::checkpoint_of(const Run& run) const {
  if (checkpoints_.empty() || settings_.checkpoint_interval_seconds <= 0 || run.epochs != nullptr) return std::nullopt;
  TrialCheckpoint kept(checkpoints_, run.prepared.key, run.repeat, recipe::judging_text(settings_));
  if (!earlier_checkpoints_.empty()) kept.take_from(earlier_checkpoints_);
  return kept;
}

// Takes up a training that was cut off; nullopt where there is none.
std::optional<engine::ResumePoint> Evaluator::resume(Run& run, const TrialCheckpoint& kept,
                                                     const ReportEnd& report) const {
  const space::Candidate& candidate = run.prepared.candidate;
  const engine::TrainSettings settings = train_settings_for(candidate);
  const std::int64_t planned = engine::planned_steps(settings, candidate.graph, training_dataset_->train.rows());
  std::optional<SavedTraining> saved = kept.read(candidate.graph, planned);
  if (!saved) return std::nullopt;
  run.session.load(saved->training.weights);
  run.session.set_optimizer(settings.optimizer);
  run.session.load_optimizer_state(saved->training.optimizer);
  if (report) {
    run.evaluation.reports = std::move(saved->reports);
    run.evaluation.judged = saved->judged;
    for (const sampler::Report& told : run.evaluation.reports) report(told);
  }
  log::info("a training that was cut off goes on after step {} of {}", saved->training.point.steps, planned);
  return std::move(saved->training.point);
}

void Evaluator::forget_checkpoints(const Prepared& prepared, std::uint64_t first, std::uint64_t count) const {
  if (checkpoints_.empty()) return;
  for (std::uint64_t repeat = first; repeat < first + count; ++repeat) {
    TrialCheckpoint(checkpoints_, prepared.key, repeat, recipe::judging_text(settings_)).remove();
  }
}

// Trains; returns the reason when training did not end well.
std::string Evaluator::train_session(Run& run, const ReportEnd& report) {
  const MachineGate::Pass pass(gate_, measures_training_);
  const PhaseScope phase(Phase::kTrain);
  const std::optional<TrialCheckpoint> kept = checkpoint_of(run);
  const std::optional<engine::ResumePoint> point = kept ? resume(run, *kept, report) : std::nullopt;
  const double earlier_seconds = point ? point->wall_seconds : 0;
  engine::StopToken limited;  // the time limit runs from here: waiting for the machine does not count
  limited.follow(&run.stop);
  if (settings_.trial_timeout_seconds) {
    limited.set_deadline(after(std::max(*settings_.trial_timeout_seconds - earlier_seconds, 0.0)));
  }
  const engine::RunIdentity identity{
      .seed = settings_.seed, .candidate = run.prepared.key.first_word(), .repeat = run.repeat};
  const space::Candidate& candidate = run.prepared.candidate;
  engine::Saving saving{.interval_seconds = settings_.checkpoint_interval_seconds};
  if (kept) {
    saving.call = [&](const engine::TrainReport& so_far) {
      kept->save(run.session, so_far, run.evaluation.reports, run.evaluation.judged);
    };
  }
  run.training =
      engine::train(run.session, candidate.graph, *training_dataset_, train_settings_for(candidate), identity, limited,
                    {.interim = interim_for(run, report), .saving = saving, .resume = point ? &*point : nullptr});
  std::string reason = training_end(run);
  // A long evaluation may be cut off, too, and the user may stop the study where the next saving is far.
  const double worth = reason.empty() ? 1.0 : kWorthKeeping;
  const bool wanted = reason.empty() || run.evaluation.interrupted;
  if (kept && wanted && run.training.wall_seconds - earlier_seconds >= worth * saving.interval_seconds) {
    saving.call(run.training);
  }
  return reason;
}

// Says why a training did not end well.
std::string Evaluator::training_end(Run& run) const {
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

}  // namespace lathe::trial
