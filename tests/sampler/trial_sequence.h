#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "lathe/sampler/sampler.h"

namespace lathe::sampler {

/// Measures an assignment: one value per objective; empty for a failing trial.
using Objective = std::function<std::vector<double>(const Assignment&)>;

/// Ends a trial: state, values, constraints.
using Outcome = std::function<FinishedTrial(const Assignment&)>;

/// Runs a study of `count` trials by the lag rule; ends when the sampler does. Numbers in `enqueued` are given the
/// assignments there without asking.
inline std::vector<FinishedTrial> run_outcomes(Sampler& sampler, const Outcome& outcome, std::int64_t count,
                                               std::int64_t lag,
                                               const std::map<std::int64_t, Assignment>& enqueued = {}) {
  std::vector<FinishedTrial> trials;
  std::int64_t told = 0;
  for (std::int64_t number = 0; number < count; ++number) {
    for (; told < number - lag + 1; ++told) sampler.tell(trials[static_cast<std::size_t>(told)]);
    const auto given = enqueued.find(number);
    const auto assignment = given == enqueued.end() ? sampler.ask(number) : given->second;
    if (!assignment) break;
    sampler.announce(number, *assignment);
    trials.push_back(outcome(*assignment));
    trials.back().number = number;
    trials.back().assignment = *assignment;
  }
  return trials;
}

/// Ends trials as complete, or as failed where the objective has no values; `told`: whether the point is the reason.
inline Outcome outcome_of(Objective objective, bool told) {
  return [objective = std::move(objective), told](const Assignment& assignment) {
    FinishedTrial trial;
    trial.values = objective(assignment);
    trial.state = trial.values.empty() ? TrialState::kFail : TrialState::kComplete;
    trial.point_failed = told && trial.values.empty();
    return trial;
  };
}

/// Runs a study of trials that complete, or fail (nobody knows why) where the objective has no values.
inline std::vector<FinishedTrial> run_trials(Sampler& sampler, const Objective& objective, std::int64_t count,
                                             std::int64_t lag) {
  return run_outcomes(sampler, outcome_of(objective, false), count, lag);
}

/// As above, but the points are the reason of their failures.
inline std::vector<FinishedTrial> run_failing(Sampler& sampler, const Objective& objective, std::int64_t count,
                                              std::int64_t lag) {
  return run_outcomes(sampler, outcome_of(objective, true), count, lag);
}

/// Gives a fresh sampler the history of a study by the lag rule, as a restarted process does.
class Replay {
 public:
  Replay(Sampler& sampler, const std::vector<FinishedTrial>& trials, std::int64_t lag)
      : sampler_(sampler), trials_(trials), lag_(lag) {}

  /// Announces the trials below `number` and tells those that had ended when it was asked for.
  void up_to(std::int64_t number) {
    for (; announced_ < number; ++announced_) {
      tell_before(announced_);
      sampler_.announce(announced_, trial(announced_).assignment);
    }
    tell_before(number);
  }

 private:
  const FinishedTrial& trial(std::int64_t number) const { return trials_[static_cast<std::size_t>(number)]; }
  void tell_before(std::int64_t number) {
    for (; told_ < number - lag_ + 1; ++told_) sampler_.tell(trial(told_));
  }

  Sampler& sampler_;
  const std::vector<FinishedTrial>& trials_;
  std::int64_t lag_;
  std::int64_t announced_ = 0, told_ = 0;
};

inline std::vector<Assignment> assignments(const std::vector<FinishedTrial>& trials) {
  std::vector<Assignment> list;
  for (const FinishedTrial& trial : trials) list.push_back(trial.assignment);
  return list;
}

}  // namespace lathe::sampler
