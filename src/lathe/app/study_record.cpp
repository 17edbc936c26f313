#include "lathe/app/study_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "lathe/base/json.h"
#include "lathe/report/table.h"
#include "lathe/sampler/sampler.h"
#include "lathe/storage/text.h"
#include "lathe/study/closing.h"
#include "lathe/study/record.h"
#include "lathe/trial/evaluation.h"

namespace lathe::app {
namespace {

using Json = nlohmann::ordered_json;

Json parsed(const storage::Attributes& attributes, const std::string& key) {
  const auto found = attributes.find(key);
  if (found == attributes.end()) return nullptr;
  Json value = json_or_discarded<Json>(found->second);
  return value.is_discarded() ? Json(nullptr) : value;
}

report::Metrics metrics_of(const storage::Trial& trial, const std::string& key) {
  report::Metrics metrics;
  const Json object = parsed(trial.user_attributes, key);
  for (const auto& [name, value] : object.items()) {
    if (value.is_number()) metrics.emplace_back(name, value.get<double>());
  }
  return metrics;
}

// Adds the numbers that other programs keep as user attributes.
void add_numbers(const storage::Trial& trial, report::Metrics& metrics) {
  for (const auto& [key, text] : trial.user_attributes) {
    if (key.starts_with("lathe:")) continue;
    const Json value = json_or_discarded<Json>(text);
    if (value.is_number()) metrics.emplace_back(key, value.get<double>());
  }
}

std::string fixed_text(const Json& value) {
  if (value.is_null()) return "NA";
  return value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<std::pair<std::string, std::string>> choices_of(const storage::Trial& trial) {
  std::vector<std::pair<std::string, std::string>> choices;
  for (const storage::Parameter& parameter : trial.parameters) {
    const auto code = parameter::code_of_internal(*parameter.distribution, parameter.value);
    choices.emplace_back(parameter.name, code ? parameter::to_string(parameter::choice(*parameter.distribution, *code))
                                              : report::number_text(parameter.value, 17));
  }
  if (!choices.empty()) return choices;
  const Json fixed = parsed(trial.system_attributes, "fixed_params");
  for (const auto& [name, value] : fixed.items()) {
    choices.emplace_back(name, fixed_text(value));
  }
  return choices;
}

// Holds objectives whose names the trials' metrics have: scaled ones that were summed up, or one per direction.
std::vector<report::ObjectiveRecord> objectives_of(const storage::StudyInfo& info,
                                                   const std::vector<storage::Trial>& trials) {
  std::vector<report::ObjectiveRecord> objectives;
  const std::vector<std::string> names = objective_names(info);
  if (names == std::vector<std::string>{"sum_scaled_metrics"}) {
    std::set<std::string> summed;
    for (const storage::Trial& trial : trials) {
      for (const auto& [name, value] : metrics_of(trial, "scaled_metrics")) summed.insert(name);
    }
    for (const std::string& name : summed) objectives.push_back({name, info.directions.front()});
    if (!objectives.empty()) return objectives;
  }
  for (std::size_t i = 0; i < names.size(); ++i) objectives.push_back({names[i], info.directions[i]});
  return objectives;
}

bool has_metric(const report::TrialRecord& trial, const std::string& name) {
  return report::find_metric(trial.software_metrics, name) || report::find_metric(trial.hardware_metrics, name) ||
         report::find_metric(trial.scaled_metrics, name);
}

std::string reason_of(const storage::Trial& trial) {
  std::string reason = text_attribute(trial.user_attributes, "lathe:reason");
  if (reason.empty() && !is_feasible(trial)) reason = "breaks a constraint";
  return reason;
}

void add_usage(const Json& usage, report::TrialRecord& record) {
  if (!usage.is_object()) return;
  const auto text = [&](const char* key) { return json_member_or<std::string>(usage, key, ""); };
  record.device =
      trial::to_string({.backend = text("backend"), .target = text("target"), .accelerator = text("accelerator")});
  record.planned_bytes = json_member_or<std::int64_t>(usage, "planned_bytes", 0);
  record.peak_bytes = json_member_or<std::int64_t>(usage, "peak_bytes", 0);
}

report::TrialRecord record_of(const storage::Trial& trial, const std::vector<report::ObjectiveRecord>& objectives) {
  report::TrialRecord record{.number = trial.number,
                             .state = trial.state,
                             .values = trial.values,
                             .scaled_metrics = metrics_of(trial, "scaled_metrics"),
                             .reason = reason_of(trial),
                             .untrained = trial.user_attributes.contains("lathe:untrained"),
                             .started = trial.started,
                             .completed = trial.completed,
                             .software_metrics = metrics_of(trial, "software_metrics"),
                             .hardware_metrics = metrics_of(trial, "hardware_metrics"),
                             .spreads = metrics_of(trial, "lathe:spreads"),
                             .choices = choices_of(trial)};
  add_numbers(trial, record.software_metrics);
  for (std::size_t i = 0; i < objectives.size() && objectives.size() == trial.values.size(); ++i) {
    if (!has_metric(record, objectives[i].name)) {
      record.scaled_metrics.emplace_back(objectives[i].name, trial.values[i]);
    }
  }
  add_usage(parsed(trial.user_attributes, "lathe:ran_on"), record);
  const Json network = parsed(trial.user_attributes, "lathe:network");
  record.widths = json_member_or<std::string>(network, "widths", "");
  record.bits = json_member_or<std::string>(network, "bits", "");
  if (trial.started && trial.completed) {
    record.seconds = std::chrono::duration<double>(*trial.completed - *trial.started).count();
  }
  return record;
}

// Names the trial that had the same candidate first, by the key that lathe stores.
void mark_duplicates(const std::vector<storage::Trial>& trials, std::vector<report::TrialRecord>& records) {
  std::map<std::string, std::int64_t> first;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const std::string key = text_attribute(trials[i].user_attributes, "lathe:key");
    if (key.empty() || trials[i].state != TrialState::kComplete) continue;
    const auto [known, is_new] = first.emplace(key, trials[i].number);
    if (!is_new) records[i].duplicate_of = known->second;
  }
}

double seconds_between(const std::vector<storage::Trial>& trials) {
  std::optional<storage::Time> begin, end;
  for (const storage::Trial& trial : trials) {
    if (trial.started) begin = std::min(begin.value_or(*trial.started), *trial.started);
    end = std::max(end, trial.completed);
  }
  return begin && end ? std::chrono::duration<double>(*end - *begin).count() : 0;
}

}  // namespace

std::vector<std::string> objective_names(const storage::StudyInfo& info) {
  const Json names = parsed(info.system_attributes, "study:metric_names");
  std::vector<std::string> list;
  for (std::size_t i = 0; i < info.directions.size(); ++i) {
    const bool named = names.is_array() && names.size() == info.directions.size() && names[i].is_string();
    list.push_back(named                         ? names[i].get<std::string>()
                   : info.directions.size() == 1 ? std::string("value")
                                                 : fmt::format("value {}", i));
  }
  return list;
}

std::string objectives_text(const storage::StudyInfo& info) {
  if (info.directions.empty()) return "not set";
  const std::vector<std::string> names = objective_names(info);
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const char* direction = info.directions[i] == Direction::kMaximize ? "maximize" : "minimize";
    text += fmt::format("{}{} {}", i == 0 ? "" : ", ", direction, names[i]);
  }
  return text;
}

std::string text_attribute(const storage::Attributes& attributes, const std::string& key) {
  const Json value = parsed(attributes, key);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::string shown_attribute(const storage::Attributes& attributes, const std::string& key) {
  const auto found = attributes.find(key);
  if (found == attributes.end()) return {};
  const std::string text = text_attribute(attributes, key);
  return text.empty() ? found->second : text;
}

std::string second_text(storage::Time time) { return storage::time_text(time).substr(0, 19); }

bool is_feasible(const storage::Trial& trial) {
  const std::vector<double> constraints = study::read_constraints(trial);
  return std::all_of(constraints.begin(), constraints.end(), [](double value) { return value <= 0; });
}

std::optional<std::vector<std::size_t>> best_of_race(const storage::StudyInfo& info,
                                                     const std::vector<storage::Trial>& trials) {
  const auto closing = study::read_closing(info);
  if (!closing || !closing->race_best) return std::nullopt;
  std::map<std::int64_t, std::size_t> index_of;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (trials[i].state != TrialState::kComplete) continue;
    if (trials[i].number >= closing->race_trials) return std::nullopt;
    index_of[trials[i].number] = i;
  }
  std::vector<std::size_t> best;
  for (const std::int64_t number : *closing->race_best) {
    if (const auto found = index_of.find(number); found != index_of.end()) best.push_back(found->second);
  }
  return best;
}

std::vector<std::size_t> best_stored_trials(const storage::StudyInfo& info, const std::vector<storage::Trial>& trials,
                                            std::size_t most) {
  const std::optional<std::vector<std::size_t>> of_race = best_of_race(info, trials);
  std::vector<std::size_t> raced = of_race.value_or(std::vector<std::size_t>{});
  if (info.directions.size() == 1 && raced.size() > most) raced.resize(most);
  if (of_race && (raced.empty() || info.directions.size() > 1 || raced.size() == most)) return raced;
  std::vector<std::size_t> complete;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const bool has_values = !info.directions.empty() && trials[i].values.size() == info.directions.size();
    if (trials[i].state == TrialState::kComplete && has_values && is_feasible(trials[i])) complete.push_back(i);
  }
  if (info.directions.size() == 1) {
    const double sign = info.directions.front() == Direction::kMaximize ? -1 : 1;
    const std::size_t kept = std::min(most, complete.size());
    std::partial_sort(complete.begin(), complete.begin() + static_cast<std::ptrdiff_t>(kept), complete.end(),
                      [&](std::size_t a, std::size_t b) {
                        const double left = sign * trials[a].values[0], right = sign * trials[b].values[0];
                        return left != right ? left < right : trials[a].number < trials[b].number;
                      });
    complete.resize(kept);
    if (raced.empty()) return complete;
    for (const std::size_t index : complete) {  // below those of the race
      if (raced.size() < most && std::find(raced.begin(), raced.end(), index) == raced.end()) raced.push_back(index);
    }
    return raced;
  }
  std::vector<std::vector<double>> values;
  for (const std::size_t index : complete) values.push_back(trials[index].values);
  std::vector<std::size_t> front;
  for (const std::size_t position : sampler::pareto_front(values, info.directions)) front.push_back(complete[position]);
  return front;
}

report::StudyRecord stored_record(const storage::StudyInfo& info, const std::vector<storage::Trial>& trials) {
  report::StudyRecord record{.name = info.name,
                             .sampler = text_attribute(info.user_attributes, "lathe:sampler"),
                             .objectives = objectives_of(info, trials),
                             .directions = info.directions,
                             .wall_seconds = seconds_between(trials)};
  for (const storage::Trial& trial : trials) record.trials.push_back(record_of(trial, record.objectives));
  mark_duplicates(trials, record.trials);
  record.best = best_stored_trials(info, trials);
  return record;
}

}  // namespace lathe::app
