#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lathe/config/value.h"
#include "lathe/pruner/pruner.h"

namespace lathe::pruner {

/// Holds a pruner with the document that its options stand in.
struct Made {
  config::Value options;
  std::unique_ptr<Pruner> pruner;
};

inline Made make(const std::string& name, const std::string& options, std::vector<Direction> directions,
                 const std::string& study_name = "curves") {
  Made made{.options = config::parse_text(options, "study.toml"), .pruner = nullptr};
  made.pruner = make_pruner(
      {.name = name, .study_name = study_name, .directions = std::move(directions), .options = &made.options});
  return made;
}

/// Runs trials one after the other, each along its curve ([steps][objectives], reported at the steps given), as a study
/// with lag 1 would; returns the step at which each was pruned, 0 where it was not.
inline std::vector<std::int64_t> stops(const Pruner& pruner,
                                       const std::vector<std::vector<std::vector<double>>>& curves,
                                       const std::vector<std::int64_t>& steps) {
  std::vector<FinishedTrial> history;
  std::vector<std::int64_t> ends;
  for (const auto& curve : curves) {
    const auto number = static_cast<std::int64_t>(history.size());
    FinishedTrial trial{.number = number, .assignment = {}, .state = TrialState::kComplete};
    ends.push_back(0);
    for (std::size_t i = 0; i < curve.size() && ends.back() == 0; ++i) {
      trial.reports.push_back({.step = steps[i], .values = curve[i]});
      if (pruner.prune(number, trial.reports, history)) {
        trial.state = TrialState::kPruned;
        ends.back() = steps[i];
      }
    }
    if (trial.state == TrialState::kComplete) trial.values = curve.back();
    history.push_back(std::move(trial));
  }
  return ends;
}

inline std::vector<std::int64_t> counted_steps(std::size_t count) {
  std::vector<std::int64_t> steps;
  for (std::size_t i = 1; i <= count; ++i) steps.push_back(static_cast<std::int64_t>(i));
  return steps;
}

/// Makes curves of one objective.
inline std::vector<std::vector<std::vector<double>>> of_one(const std::vector<std::vector<double>>& curves) {
  std::vector<std::vector<std::vector<double>>> all;
  for (const auto& curve : curves) {
    all.emplace_back();
    for (const double value : curve) all.back().push_back({value});
  }
  return all;
}

}  // namespace lathe::pruner
