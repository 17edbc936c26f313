#include <fmt/format.h>

#include <algorithm>

#include "lathe/app/study_parameters.h"
#include "lathe/app/study_place.h"
#include "lathe/app/study_record.h"
#include "lathe/base/json.h"
#include "lathe/cli/study_actions.h"
#include "lathe/cli/terminal.h"
#include "lathe/report/table.h"
#include "lathe/storage/text.h"
#include "lathe/study/open.h"

namespace lathe::cli {
namespace {

using Json = nlohmann::ordered_json;
constexpr int kStandardOutput = 1;

constexpr std::pair<TrialState, const char*> kStates[] = {{TrialState::kComplete, "complete"},
                                                          {TrialState::kPruned, "pruned"},
                                                          {TrialState::kFail, "failed"},
                                                          {TrialState::kRunning, "running"},
                                                          {TrialState::kWaiting, "waiting"}};

struct Row {
  storage::StudyInfo info;
  storage::TrialCounts counts;
};

std::vector<Row> rows_of(storage::Storage& storage) {
  std::map<std::int64_t, storage::TrialCounts> counts = storage.trial_counts();
  std::vector<Row> rows;
  for (storage::StudyInfo& info : storage.studies()) {
    const std::int64_t id = info.study_id;
    rows.push_back({std::move(info), counts[id]});
  }
  return rows;
}

std::string print_json_text(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json counts_json(const storage::TrialCounts& counts) {
  Json json = {{"all", counts.all()}};
  for (const auto& [state, word] : kStates) json[word] = counts.in(state);
  return json;
}

Json time_json(const std::optional<storage::Time>& time) {
  return time ? Json(app::second_text(*time)) : Json(nullptr);
}

Json json_of(const Row& row) {
  Json objectives = Json::array();
  const std::vector<std::string> names = app::objective_names(row.info);
  for (std::size_t i = 0; i < names.size(); ++i) {
    objectives.push_back({{"name", names[i]}, {"direction", to_string(row.info.directions[i])}});
  }
  return {{"name", row.info.name},
          {"objectives", objectives},
          {"sampler", app::text_attribute(row.info.user_attributes, "lathe:sampler")},
          {"trials", counts_json(row.counts)},
          {"first_started", time_json(row.counts.first_started)},
          {"last_completed", time_json(row.counts.last_completed)}};
}

// Shows the studies of one storage; states that no trial is in have no column.
std::string table_of(const std::vector<Row>& rows) {
  using enum report::Alignment;
  std::vector<report::TableColumn> columns{
      {"study", kLeft, 12}, {"objectives", kLeft, 12}, {"sampler", kLeft, 0}, {"trials", kRight, 0}};
  std::vector<TrialState> shown;
  for (const auto& [state, word] : kStates) {
    const TrialState each = state;
    if (!std::any_of(rows.begin(), rows.end(), [&](const Row& row) { return row.counts.in(each) > 0; })) continue;
    shown.push_back(state);
    columns.push_back({word, kRight, 0});
  }
  columns.push_back({"last trial ended (UTC)", kLeft, 10});
  report::Table table(std::move(columns));
  for (const Row& row : rows) {
    const std::string sampler = app::text_attribute(row.info.user_attributes, "lathe:sampler");
    std::vector<std::string> cells{row.info.name, app::objectives_text(row.info), sampler.empty() ? "-" : sampler,
                                   report::count_text(row.counts.all())};
    for (const TrialState state : shown) cells.push_back(report::count_text(row.counts.in(state)));
    cells.push_back(row.counts.last_completed ? app::second_text(*row.counts.last_completed) : "-");
    table.add_row(std::move(cells));
  }
  return table.to_string(report::style_for(kStandardOutput));
}

std::string counts_text(const storage::TrialCounts& counts) {
  std::string text = report::count_text(counts.all());
  const char* separator = ": ";
  for (const auto& [state, word] : kStates) {
    if (counts.in(state) == 0) continue;
    text += fmt::format("{}{} {}", separator, report::count_text(counts.in(state)), word);
    separator = ", ";
  }
  return text;
}

std::string maker_text(const storage::StudyInfo& info) {
  const storage::Attributes& attributes = info.user_attributes;
  const std::string version = app::text_attribute(attributes, "lathe:version");
  if (version.empty()) return "another program that writes Optuna's tables";
  return fmt::format("lathe {}, sampler {}, seed {}, lag {}", version, app::text_attribute(attributes, "lathe:sampler"),
                     app::shown_attribute(attributes, "lathe:seed"), app::shown_attribute(attributes, "lathe:lag"));
}

std::string times_text(const storage::TrialCounts& counts) {
  if (!counts.first_started) return "no trial has begun";
  const std::string end = counts.last_completed ? app::second_text(*counts.last_completed) : "(no trial has ended)";
  return fmt::format("{} to {} UTC", app::second_text(*counts.first_started), end);
}

std::string data_text(const storage::StudyInfo& info) {
  const auto found = info.user_attributes.find("lathe:data");
  if (found == info.user_attributes.end()) return {};
  const Json data = json_or_discarded<Json>(found->second);
  if (!data.is_object()) return {};
  std::string text = json_member_or<std::string>(data, "dataset", "");
  if (const auto rows = json_member_or<std::int64_t>(data, "train_rows", -1); rows >= 0) {
    text += fmt::format(", {} training rows", report::count_text(rows));
  }
  const std::string notice = json_member_or<std::string>(data, "notice", "");
  return notice.empty() ? text : fmt::format("{} ({})", text, notice);
}

// Says on which device the study was begun, with what threads and precision.
std::string device_text(const storage::StudyInfo& info) {
  const auto found = info.user_attributes.find("lathe:device");
  if (found == info.user_attributes.end()) return {};
  const Json device = json_or_discarded<Json>(found->second);
  if (!device.is_object()) return {};
  std::string text = fmt::format("{} on {}", json_member_or<std::string>(device, "backend", ""),
                                 json_member_or<std::string>(device, "accelerator", ""));
  if (const std::int64_t threads = json_member_or<std::int64_t>(device, "threads", 1); threads > 1) {
    text += fmt::format(", {} threads per trial", threads);
  }
  const std::string precision = json_member_or<std::string>(device, "precision", "32");
  return precision == "32" ? text : fmt::format("{}, {}", text, precision);
}

std::string best_text(const storage::StudyInfo& info, const std::vector<storage::Trial>& complete) {
  const std::vector<std::size_t> best = app::best_stored_trials(info, complete);
  if (best.empty()) return "none: no trial that is complete meets the constraints";
  if (info.directions.size() > 1) {
    return fmt::format("{} trial{} on the Pareto front; `lathe study best` shows them", best.size(),
                       best.size() == 1 ? "" : "s");
  }
  const storage::Trial& trial = complete[best[0]];
  const bool raced = app::best_of_race(info, complete).has_value();
  return fmt::format("trial {} with {}{}", trial.number, report::number_text(trial.values[0], 6),
                     raced ? " in its first seed (the most probable of the race)" : "");
}

std::string parameters_table(const std::vector<app::StudyParameter>& parameters) {
  const auto conditional = [](const app::StudyParameter& parameter) { return !parameter.condition.empty(); };
  std::vector<report::TableColumn> columns{{"parameter", report::Alignment::kLeft, 12},
                                           {"values", report::Alignment::kLeft, 12}};
  if (std::any_of(parameters.begin(), parameters.end(), conditional)) columns.push_back({"only"});
  report::Table table(std::move(columns));
  for (const app::StudyParameter& parameter : parameters) {
    std::vector<std::string> cells{app::short_name(parameter.name), app::values_text(*parameter.distributions.back())};
    if (!parameter.condition.empty()) cells.push_back(parameter.condition);
    table.add_row(std::move(cells));
  }
  return table.to_string(report::style_for(kStandardOutput));
}

// Shows what people and other programs noted; lathe's own attributes stand in the lines above.
std::string attributes_table(const storage::StudyInfo& info) {
  report::Table table({{"attribute", report::Alignment::kLeft, 12}, {"value", report::Alignment::kLeft, 12}});
  for (const auto& [key, text] : info.user_attributes) {
    if (!key.starts_with("lathe:")) table.add_row({key, app::shown_attribute(info.user_attributes, key)});
  }
  return table.empty() ? "" : "\n" + table.to_string(report::style_for(kStandardOutput));
}

Json attributes_json(const storage::Attributes& attributes) {
  Json json = Json::object();
  for (const auto& [key, text] : attributes) {
    Json value = json_or_discarded<Json>(text);
    json[key] = value.is_discarded() ? Json(text) : std::move(value);
  }
  return json;
}

Json parameters_json(const std::vector<app::StudyParameter>& parameters) {
  Json list = Json::array();
  for (const app::StudyParameter& parameter : parameters) {
    Json entry = {{"name", parameter.name},
                  {"distribution",
                   parse_json<Json>(storage::distribution_json(*parameter.distributions.back()), parameter.name)}};
    if (!parameter.condition.empty()) entry["condition"] = parameter.condition;
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace

ExitCode list_studies(const Invocation& invocation) {
  Json json = {{"schema_version", 1}, {"storages", Json::array()}};
  std::string text;
  for (const auto& storage : app::open_study_storages(invocation, invocation.text("--storage"))) {
    const std::vector<Row> rows = rows_of(*storage);
    Json studies = Json::array();
    for (const Row& row : rows) studies.push_back(json_of(row));
    json["storages"].push_back({{"address", storage->address()}, {"studies", studies}});
    text += (text.empty() ? "" : "\n") + storage->address() + "\n";
    text += rows.empty() ? "no studies\n" : table_of(rows);
  }
  print(invocation.json ? print_json_text(json) : text);
  return ExitCode::kSuccess;
}

ExitCode show_study(const Invocation& invocation) {
  app::StudyPlace place = app::find_study(invocation, invocation.text("--storage"), invocation.words[1]);
  const Row row{place.info, place.storage->trial_counts()[place.info.study_id]};
  const std::vector<storage::Trial> complete =
      place.storage->selected_trials(place.info.study_id, {.states = {TrialState::kComplete}});
  const std::vector<app::StudyParameter> parameters = app::study_parameters(*place.storage, place.info);
  const bool clock = place.info.user_attributes.contains(study::kClockAttribute);
  if (invocation.json) {
    Json json = {{"schema_version", 1}, {"storage", place.storage->address()}, {"study", json_of(row)}};
    Json& best = json["study"]["best"] = Json::array();
    for (const std::size_t index : app::best_stored_trials(place.info, complete))
      best.push_back(complete[index].number);
    json["study"]["parameters"] = parameters_json(parameters);
    json["study"]["user_attributes"] = attributes_json(place.info.user_attributes);
    json["study"]["system_attributes"] = attributes_json(place.info.system_attributes);
    print(print_json_text(json));
    return ExitCode::kSuccess;
  }
  std::string text = fmt::format("study       {}\nin          {}\nmade by     {}\nobjectives  {}\n", place.info.name,
                                 place.storage->address(), maker_text(place.info), app::objectives_text(place.info));
  if (const std::string data = data_text(place.info); !data.empty()) text += fmt::format("data        {}\n", data);
  if (const std::string device = device_text(place.info); !device.empty())
    text += fmt::format("device      {}\n", device);
  const std::string memory = report::memory_line(app::stored_record(place.info, complete).trials);
  if (!memory.empty()) text += fmt::format("memory      {}\n", memory);
  text += fmt::format("trials      {}\ntime        {}\n", counts_text(row.counts), times_text(row.counts));
  if (clock) text += "            not reproducible bit for bit: the clock had a say\n";
  text += fmt::format("best        {}\n", best_text(place.info, complete));
  if (!parameters.empty()) text += "\n" + parameters_table(parameters);
  print(text + attributes_table(place.info));
  return ExitCode::kSuccess;
}

}  // namespace lathe::cli
