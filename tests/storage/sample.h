#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lathe/storage/storage.h"
#include "lathe/storage/text.h"

/// Trials that the tests of all databases write.
namespace lathe::storage {

inline const Time kStart = time_from_text("2026-11-21 02:09:41.941163");

inline std::shared_ptr<const parameter::Distribution> shared(parameter::Distribution distribution) {
  return std::make_shared<const parameter::Distribution>(std::move(distribution));
}

/// A parameter of unordered choices.
inline Parameter categorical(const std::string& name, std::vector<parameter::Choice> choices, double index) {
  return {name, shared(parameter::Categorical{std::move(choices)}), index};
}

inline std::vector<Parameter> two_parameters() {
  return {categorical("seq_blocks_2/config/channel_multiplier", {std::int64_t{1}, std::int64_t{2}, std::int64_t{4}}, 2),
          categorical("seq_blocks_2/config/data_in_frac_width", {std::monostate{}, 0.5, std::string("é"), true}, 1)};
}

/// Begins a trial with whatever number comes next.
inline Trial start(Storage& storage, std::int64_t study, const std::vector<Parameter>& parameters = two_parameters(),
                   Time started = kStart) {
  return storage.start_trial(study, {.parameters = parameters, .started = started}).value();
}

inline Trial ended(Trial trial, TrialState state, std::vector<double> values = {}) {
  trial.state = state;
  trial.values = std::move(values);
  trial.completed = trial.started.value_or(kStart) + std::chrono::seconds(1);
  return trial;
}

/// Ends a trial as complete, one second after its start.
inline bool complete(Storage& storage, const Trial& trial, std::vector<double> values) {
  return storage.finish_trial(ended(trial, TrialState::kComplete, std::move(values)));
}

}  // namespace lathe::storage
