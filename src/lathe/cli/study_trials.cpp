#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/app/study_place.h"
#include "lathe/app/study_record.h"
#include "lathe/base/json.h"
#include "lathe/base/log.h"
#include "lathe/cli/study_actions.h"
#include "lathe/cli/terminal.h"
#include "lathe/report/closing_table.h"
#include "lathe/report/table.h"
#include "lathe/storage/text.h"
#include "lathe/study/record.h"

namespace lathe::cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kStandardOutput = 1;
constexpr std::int64_t kMostRows = 100;

Json number_json(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

Json numbers_json(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(number_json(value));
  return list;
}

Json attributes_json(const storage::Attributes& attributes) {
  Json json = Json::object();
  for (const auto& [key, text] : attributes) {
    Json value = json_or_discarded<Json>(text);
    json[key] = value.is_discarded() ? Json(text) : std::move(value);
  }
  return json;
}

Json choice_json(const storage::Parameter& parameter) {
  const auto code = parameter::code_of_internal(*parameter.distribution, parameter.value);
  if (!code) return number_json(parameter.value);
  return parse_json<Json>(storage::json_text(parameter::choice(*parameter.distribution, *code)), parameter.name);
}

Json json_of(const storage::Trial& trial, const report::TrialRecord& record) {
  Json json = {{"number", trial.number}, {"state", to_string(trial.state)}, {"values", numbers_json(trial.values)}};
  json["parameters"] = Json::object();
  for (const storage::Parameter& parameter : trial.parameters)
    json["parameters"][parameter.name] = choice_json(parameter);
  json["constraints"] = numbers_json(study::read_constraints(trial));
  json["feasible"] = app::is_feasible(trial);
  json["intermediate_values"] = Json::array();
  for (const auto& [step, value] : trial.intermediate_values) {
    json["intermediate_values"].push_back(Json::array({step, number_json(value)}));
  }
  if (record.duplicate_of) json["duplicate_of"] = *record.duplicate_of;
  json["user_attributes"] = attributes_json(trial.user_attributes);
  json["system_attributes"] = attributes_json(trial.system_attributes);
  json["started"] = trial.started ? Json(storage::time_text(*trial.started)) : Json(nullptr);
  json["completed"] = trial.completed ? Json(storage::time_text(*trial.completed)) : Json(nullptr);
  return json;
}

void print_json(const app::StudyPlace& place, const char* key, const std::vector<storage::Trial>& trials,
                const report::StudyRecord& record) {
  Json json = {{"schema_version", 1}, {"storage", place.storage->address()}, {"study", place.info.name}};
  json[key] = Json::array();
  for (std::size_t i = 0; i < trials.size(); ++i) json[key].push_back(json_of(trials[i], record.trials[i]));
  print(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

std::vector<TrialState> states_of(const std::string& text) {
  static const std::vector<std::string> kNames{"COMPLETE", "PRUNED", "FAIL", "RUNNING", "WAITING"};
  std::vector<TrialState> states;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    std::string name = text.substr(begin, end - begin);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::toupper(c); });
    if (std::find(kNames.begin(), kNames.end(), name) == kNames.end()) {
      throw UserError("--state", fmt::format("\"{}\" is no state of a trial{}", name, suggestion(name, kNames)));
    }
    states.push_back(storage::state_from_name(name));
    begin = end + 1;
  }
  return states;
}

std::int64_t count_of(const storage::TrialCounts& counts, const std::vector<TrialState>& states) {
  if (states.empty()) return counts.all();
  std::int64_t sum = 0;
  for (const TrialState state : states) sum += counts.in(state);
  return sum;
}

std::vector<storage::Trial> picked(const std::vector<storage::Trial>& trials, const std::vector<std::size_t>& indices) {
  std::vector<storage::Trial> picks;
  for (const std::size_t index : indices) picks.push_back(trials[index]);
  return picks;
}

// Orders the trials of a front as the table does, the best in the first objective on top.
void sort_by_first_value(std::vector<storage::Trial>& front, Direction direction) {
  const double sign = direction == Direction::kMaximize ? -1 : 1;
  std::stable_sort(front.begin(), front.end(), [sign](const storage::Trial& a, const storage::Trial& b) {
    return sign * a.values[0] < sign * b.values[0];
  });
}

std::string metrics_lines(const report::TrialRecord& trial) {
  std::string text;
  for (const report::Metrics* metrics : {&trial.software_metrics, &trial.hardware_metrics}) {
    for (const auto& [name, value] : *metrics) text += fmt::format("  {}: {}\n", name, report::number_text(value, 6));
  }
  return text;
}

// Shows one trial in full: every choice on a line of its own.
std::string details(const report::TrialRecord& trial, const std::vector<std::string>& objectives) {
  std::string text = fmt::format("Best trial: {}\n", trial.number);
  for (std::size_t i = 0; i < trial.values.size(); ++i) {
    text += fmt::format("  {} = {}\n", objectives[i], report::number_text(trial.values[i], 6));
  }
  if (const std::string lines = metrics_lines(trial); !lines.empty()) text += "Metrics:\n" + lines;
  text += "Parameters:\n";
  for (const auto& [name, value] : trial.choices) text += fmt::format("  {} = {}\n", name, value);
  if (!trial.widths.empty())
    text += fmt::format("Network: widths {}{}\n", trial.widths,
                        trial.bits.empty() ? "" : fmt::format(", bits {}", trial.bits));
  return text + fmt::format("Time: {:.2f} s\n", trial.seconds);
}

}  // namespace

ExitCode show_trials(const Invocation& invocation) {
  app::StudyPlace place = app::find_study(invocation, invocation.text("--storage"), invocation.words[1]);
  storage::TrialSelection selection;
  if (const auto text = invocation.text("--state")) selection.states = states_of(*text);
  selection.newest = invocation.integer("--limit", 0).value_or(invocation.json ? 0 : kMostRows);
  const std::vector<storage::Trial> trials = place.storage->selected_trials(place.info.study_id, selection);
  report::StudyRecord record = app::stored_record(place.info, trials);
  if (invocation.json) {
    print_json(place, "trials", trials, record);
    return ExitCode::kSuccess;
  }
  if (trials.empty()) {
    print("no such trials\n");
    return ExitCode::kSuccess;
  }
  record.best.clear();  // the best of those shown need not be the best of all
  const std::int64_t all = count_of(place.storage->trial_counts()[place.info.study_id], selection.states);
  const auto shown = static_cast<std::int64_t>(trials.size());
  std::string text = report::all_trials_table(record, report::style_for(kStandardOutput));
  if (shown < all) {
    text += fmt::format("\nthe newest {} of {} trials; --limit 0 shows all\n", report::count_text(shown),
                        report::count_text(all));
  }
  print(text);
  return ExitCode::kSuccess;
}

ExitCode show_best(const Invocation& invocation) {
  app::StudyPlace place = app::find_study(invocation, invocation.text("--storage"), invocation.words[1]);
  if (place.info.directions.empty()) {
    throw UserError(
        fmt::format("the study \"{}\" has no objective yet: none of its trials is the best", place.info.name));
  }
  const bool single = place.info.directions.size() == 1;
  const std::int64_t most = invocation.integer("--limit", 1).value_or(1);
  const std::vector<storage::Trial> complete =
      place.storage->selected_trials(place.info.study_id, {.states = {TrialState::kComplete}});
  std::vector<storage::Trial> best =
      picked(complete, app::best_stored_trials(place.info, complete, static_cast<std::size_t>(most)));
  if (!single) sort_by_first_value(best, place.info.directions.front());
  if (!single && invocation.has("--limit") && most > 0 && static_cast<std::int64_t>(best.size()) > most) {
    best.resize(static_cast<std::size_t>(most));
  }
  report::StudyRecord record = app::stored_record(place.info, best);
  for (report::TrialRecord& trial : record.trials) trial.duplicate_of.reset();
  if (invocation.json) {
    print_json(place, "best", best, record);
  } else if (best.empty()) {
    log::warning("no trial of \"{}\" that is complete meets the constraints", place.info.name);
  } else if (single && best.size() == 1) {
    print(details(record.trials[0], app::objective_names(place.info)));
    if (app::best_of_race(place.info, best)) {
      print("The most probable of the race; the values are those of its first seed.\n");
    }
  } else {
    print(fmt::format("{} of \"{}\":\n", single ? "Best trials" : "Pareto front", place.info.name) +
          report::best_table(record, report::style_for(kStandardOutput), best.size()) +
          (!app::best_of_race(place.info, best)
               ? ""
               : "The values are those of the first seeds, not the means of the race.\n"));
  }
  return best.empty() ? ExitCode::kNoResult : ExitCode::kSuccess;
}

}  // namespace lathe::cli
