#include "lathe/study/compare/compare_run.h"

#include <algorithm>
#include <chrono>

#include "lathe/base/error.h"
#include "lathe/trial/objective.h"

namespace lathe::study {
namespace {

// Adds the time that it lives to a sum.
class Stopwatch {
 public:
  explicit Stopwatch(double& seconds) : seconds_(seconds) {}
  ~Stopwatch() { seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count(); }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& seconds_;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

sampler::FinishedTrial finished_trial(std::int64_t number, const ComparedTrial& trial) {
  return {.number = number,
          .assignment = trial.assignment,
          .state = trial.outcome->state,
          .values = trial.outcome->values,
          .constraints = trial.outcome->constraints,
          .point_failed = trial::is_of_candidate(trial.outcome->failure)};
}

// Turns an evaluation into what the sampler is told, as the study loop does.
Outcome outcome_of(const recipe::StudySettings& settings, const Digest& key, const trial::Evaluation& evaluation) {
  Outcome outcome{.constraints = evaluation.constraints,
                  .reason = evaluation.reason,
                  .failure = trial::failure_of(evaluation),
                  .key = key,
                  .seconds = evaluation.wall_seconds,
                  .timed_out = evaluation.timed_out,
                  .interrupted = evaluation.interrupted};
  if (evaluation.ruled_out) {
    outcome.state = TrialState::kPruned;
  } else if (evaluation.complete) {
    trial::Scores scores = trial::score(settings, evaluation.metrics);
    outcome.reason = scores.reason;
    if (!outcome.reason.empty()) {
      outcome.failure = trial::Failure::kDiverged;
      return outcome;
    }
    outcome.values = std::move(scores.values);
    outcome.state = TrialState::kComplete;
  }
  return outcome;
}

}  // namespace

bool Outcome::comparable() const {
  return state == TrialState::kComplete &&
         std::all_of(constraints.begin(), constraints.end(), [](double constraint) { return constraint <= 0; });
}

Outcome CachedObjective::outcome(const space::Assignment& assignment, const engine::StopToken& stop) {
  try {
    const trial::Prepared prepared = evaluator_.prepare(assignment);
    const auto run = [&] {
      trial::Evaluation evaluation = evaluator_.evaluate_trial(prepared, stop);
      evaluation.state.reset();
      const std::lock_guard lock(mutex_);
      if (!evaluation.interrupted) ++candidates_;
      return evaluation;
    };
    return outcome_of(settings_, prepared.key,
                      *cache_.get(
                          prepared.key, [](const trial::Evaluation&) { return true; }, run));
  } catch (const InternalError&) {
    throw;
  } catch (const Error& error) {
    return {.reason = error.what(), .failure = trial::failure_of(error)};
  }
}

SharedOutcome CachedObjective::evaluate(const space::Assignment& assignment, const engine::StopToken& stop) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = known_.find(assignment); found != known_.end()) return found->second;
  }
  auto made = std::make_shared<const Outcome>(outcome(assignment, stop));
  if (made->interrupted) return made;
  const std::lock_guard lock(mutex_);
  return known_.emplace(assignment, std::move(made)).first->second;
}

std::int64_t CachedObjective::candidates() const {
  const std::lock_guard lock(mutex_);
  return candidates_;
}

RunValues ComparedRun::values() const {
  RunValues values;
  for (const ComparedTrial& trial : trials) {
    values.push_back(trial.outcome->comparable() ? trial.outcome->values : std::vector<double>{});
  }
  return values;
}

double ComparedRun::evaluation_seconds() const {
  double seconds = 0;
  for (const ComparedTrial& trial : trials) seconds += trial.outcome->seconds;
  return seconds;
}

std::vector<Repeat> ComparedRun::repeats() const {
  std::vector<parameter::Assignment> assignments;
  std::vector<Digest> keys;
  for (const ComparedTrial& trial : trials) {
    assignments.push_back(trial.assignment);
    keys.push_back(trial.outcome->key);
  }
  return find_repeats(assignments, keys);
}

ComparedRun run_sampler(sampler::Sampler& sampler, std::int64_t trials, std::int64_t lag, const EvaluatePoint& evaluate,
                        const engine::StopToken& stop, const std::function<void()>& trial_end) {
  ComparedRun run;
  std::int64_t told = 0;
  const auto propose = [&](std::int64_t number) {
    const Stopwatch watch(run.sampler_seconds);
    for (; told < number - lag + 1; ++told) {
      sampler.tell(finished_trial(told, run.trials[static_cast<std::size_t>(told)]));
    }
    std::optional<space::Assignment> assignment = sampler.ask(number);
    if (assignment) sampler.announce(number, *assignment);
    return assignment;
  };
  for (std::int64_t number = 0; number < trials; ++number) {
    if (stop.requested()) return run;
    const std::optional<space::Assignment> assignment = propose(number);
    if (!assignment) break;
    const SharedOutcome outcome = evaluate(*assignment);
    if (outcome->interrupted) return run;
    run.trials.push_back({*assignment, outcome});
    if (trial_end) trial_end();
  }
  run.complete = true;
  return run;
}

}  // namespace lathe::study
