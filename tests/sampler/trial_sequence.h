#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "lathe/sampler/sampler.h"

namespace lathe::sampler {

/// Measures an assignment: one value per objective; empty for a failing trial.
using Objective = std::function<std::vector<double>(const Assignment&)>;

/// Runs a study of `count` trials by the lag rule; ends when the sampler does.
inline std::vector<FinishedTrial> run_trials(Sampler& sampler, const Objective& objective, std::int64_t count,
                                             std::int64_t lag) {
  std::vector<FinishedTrial> trials;
  std::int64_t told = 0;
  for (std::int64_t number = 0; number < count; ++number) {
    for (; told < number - lag + 1; ++told) sampler.tell(trials[static_cast<std::size_t>(told)]);
    const auto assignment = sampler.ask(number);
    if (!assignment) break;
    sampler.announce(number, *assignment);
    const std::vector<double> values = objective(*assignment);
    trials.push_back({number, *assignment, values.empty() ? TrialState::kFail : TrialState::kComplete, values});
  }
  return trials;
}

inline std::vector<Assignment> assignments(const std::vector<FinishedTrial>& trials) {
  std::vector<Assignment> list;
  for (const FinishedTrial& trial : trials) list.push_back(trial.assignment);
  return list;
}

}  // namespace lathe::sampler
