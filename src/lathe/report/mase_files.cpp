#include "lathe/report/mase_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/json.h"

namespace lathe::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kIndent = 4;

/// Rounds to 10 decimals, as pandas writes; null for what JSON has no number for.
Json rounded(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::strtod(fmt::format("{:.10f}", value).c_str(), nullptr);
}

Json to_json(const Metrics& metrics) {
  Json object = Json::object();
  for (const auto& [name, value] : metrics) object[name] = rounded(value);
  return object;
}

Json to_json(const Scalar& scalar) {
  struct Converter {
    Json operator()(std::monostate) const { return nullptr; }
    Json operator()(bool value) const { return value; }
    Json operator()(std::int64_t value) const { return value; }
    Json operator()(double value) const {
      return std::isfinite(value) ? Json(value) : Json();
    }  // exact: it is read back
    Json operator()(const std::string& value) const { return value; }
  };
  return std::visit(Converter{}, scalar);
}

Json to_json(const SampledConfig& config, const std::string& by) {
  Json object = Json::object();
  for (const auto& [node, entries] : config) {
    Json values = Json::object();
    for (const auto& [key, value] : entries) values[key] = to_json(value);
    object[node] = {{"config", std::move(values)}};
  }
  object["by"] = by;
  return object;
}

Json to_json(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(rounded(value));
  return list;
}

Json milliseconds(const std::optional<storage::Time>& time) {
  if (!time) return nullptr;
  return std::chrono::floor<std::chrono::milliseconds>(time->time_since_epoch()).count();
}

/// Text from outside (paths, notices) may hold bytes that are no UTF-8; they become U+FFFD.
std::string document(const Json& json) { return json.dump(kIndent, ' ', false, Json::error_handler_t::replace) + "\n"; }

Json decider_json(const Decider& decider) {
  const auto number = [](const std::optional<std::int64_t>& value) { return value ? Json(*value) : Json(); };
  return {{"against", number(decider.rival)},
          {"further_seeds", number(decider.seeds)},
          {"further_rows", number(decider.rows)},
          {"equal", decider.equal}};
}

Json standing_json(const Standing& standing) {
  Json json{{"membership", to_string(standing.membership)},
            {"seeds", standing.seeds},
            {"means", to_json(standing.means)},
            {"standard_errors", to_json(standing.standard_errors)},
            {"sampling_errors", to_json(standing.sampling_errors)},
            {"total_errors", to_json(standing.total_errors)},
            {"front_probability", rounded(standing.front_probability)},
            {"probability_at_least", rounded(standing.at_least)},
            {"probability_at_most", rounded(standing.at_most)}};
  if (standing.decider) json["would_decide"] = decider_json(*standing.decider);
  return json;
}

// Lists the candidates of a race that may be on the front: how sure that is, and what would decide. With one objective
// the most probable is first.
Json race_json(const StudyRecord& study) {
  Json race = Json::array();
  std::vector<const TrialRecord*> raced;
  for (const TrialRecord& trial : study.trials) {
    if (trial.standing && !trial.duplicate_of && trial.standing->membership != storage::Membership::kOff)
      raced.push_back(&trial);
  }
  if (study.directions.size() == 1) {
    std::stable_sort(raced.begin(), raced.end(), [](const TrialRecord* a, const TrialRecord* b) {
      return a->standing->front_probability > b->standing->front_probability;
    });
  }
  for (const TrialRecord* const candidate : raced) {
    const TrialRecord& trial = *candidate;
    Json entry{{"number", trial.number},
               {"membership", to_string(trial.standing->membership)},
               {study.directions.size() > 1 ? "probability_on_the_front" : "probability_best",
                rounded(trial.standing->front_probability)}};
    if (trial.standing->decider) entry["would_decide"] = decider_json(*trial.standing->decider);
    race.push_back(std::move(entry));
  }
  return race;
}

Json memory_json(std::int64_t planned, std::int64_t peak) { return {{"planned_bytes", planned}, {"peak_bytes", peak}}; }

Json best_entry(const StudyRecord& study, const TrialRecord& trial) {
  Json entry;
  entry["number"] = trial.number;
  const bool scalar = study.directions.size() <= 1 && trial.values.size() == 1;
  entry["value"] = scalar ? rounded(trial.values[0]) : to_json(trial.values);
  entry["software_metrics"] = to_json(trial.software_metrics);
  entry["hardware_metrics"] = to_json(trial.hardware_metrics);
  entry["scaled_metrics"] = to_json(trial.scaled_metrics);
  entry["sampled_config"] = to_json(trial.sampled_config, study.by);
  entry["widths"] = trial.widths;
  entry["bits"] = trial.bits;
  entry["untrained"] = trial.untrained;
  if (trial.at_chance) entry["at_chance"] = true;
  if (trial.key != Digest{}) entry["key"] = trial.key.to_hex();
  if (!trial.weights.empty()) entry["weights"] = trial.weights;
  if (!trial.device.empty()) entry["device"] = trial.device;
  if (!trial.spreads.empty()) entry["metric_spreads"] = to_json(trial.spreads);
  if (!trial.standard_errors.empty()) entry["standard_errors"] = to_json(trial.standard_errors);
  if (trial.standing) entry["race"] = standing_json(*trial.standing);
  if (!study.notice.empty()) entry["notice"] = study.notice;
  return entry;
}

void add_values(Json& row, const TrialRecord& trial, std::size_t objectives) {
  const auto value = [&](std::size_t i) { return i < trial.values.size() ? rounded(trial.values[i]) : Json(); };
  if (objectives <= 1) {
    row["value"] = value(0);
  } else {
    for (std::size_t i = 0; i < objectives; ++i) row[fmt::format("values_{}", i)] = value(i);
  }
}

Json log_row(const StudyRecord& study, const TrialRecord& trial) {
  Json row;
  row["number"] = trial.number;
  add_values(row, trial, study.directions.size());
  const bool evaluated = !trial.software_metrics.empty() || !trial.hardware_metrics.empty();
  const auto when_evaluated = [&](Json value) { return evaluated ? std::move(value) : Json(); };
  row["user_attrs_hardware_metrics"] = when_evaluated(to_json(trial.hardware_metrics));
  row["user_attrs_sampled_config"] = trial.sampled_config.empty() ? Json() : to_json(trial.sampled_config, study.by);
  row["user_attrs_scaled_metrics"] = when_evaluated(to_json(trial.scaled_metrics));
  row["user_attrs_software_metrics"] = when_evaluated(to_json(trial.software_metrics));
  row["user_attrs_lathe:widths"] = trial.widths;
  row["user_attrs_lathe:bits"] = trial.bits;
  row["user_attrs_lathe:reason"] = trial.reason.empty() ? Json() : Json(trial.reason);
  row["user_attrs_lathe:duplicate_of"] = trial.duplicate_of ? Json(*trial.duplicate_of) : Json();
  row["user_attrs_lathe:untrained"] = trial.untrained;
  if (trial.at_chance) row["user_attrs_lathe:at_chance"] = true;
  if (trial.key != Digest{}) row["user_attrs_lathe:key"] = trial.key.to_hex();
  if (!trial.weights.empty()) row["user_attrs_lathe:weights"] = trial.weights;
  if (!trial.device.empty()) row["user_attrs_lathe:device"] = trial.device;
  if (trial.planned_bytes > 0) row["user_attrs_lathe:memory"] = memory_json(trial.planned_bytes, trial.peak_bytes);
  if (!trial.constraints.empty()) row["system_attrs_constraints"] = to_json(trial.constraints);
  if (!trial.standard_errors.empty()) row["user_attrs_lathe:standard_errors"] = to_json(trial.standard_errors);
  if (trial.standing) row["user_attrs_lathe:race"] = standing_json(*trial.standing);
  row["state"] = lathe::to_string(trial.state);
  row["datetime_start"] = milliseconds(trial.started);
  row["datetime_complete"] = milliseconds(trial.completed);
  const bool ended = trial.started && trial.completed;
  row["duration"] =
      ended ? Json(milliseconds(trial.completed).get<std::int64_t>() - milliseconds(trial.started).get<std::int64_t>())
            : Json();
  return row;
}

Json state_counts(const StudyRecord& study) {
  Json counts = Json::object();
  for (const TrialState state :
       {TrialState::kComplete, TrialState::kPruned, TrialState::kFail, TrialState::kRunning, TrialState::kWaiting}) {
    const auto of_state = [&](const TrialRecord& trial) { return trial.state == state; };
    counts[lathe::to_string(state)] = std::count_if(study.trials.begin(), study.trials.end(), of_state);
  }
  counts["duplicates"] = std::count_if(study.trials.begin(), study.trials.end(),
                                       [](const TrialRecord& trial) { return trial.duplicate_of.has_value(); });
  return counts;
}

Json final_entry(const FinalRecord& record) {
  Json entry;
  entry["number"] = record.number;
  entry[record.regression ? "mean_r2" : "mean_accuracy"] = rounded(record.mean_score);
  entry["standard_error"] = rounded(record.standard_error);
  entry["mean_loss"] = rounded(record.mean_loss);
  entry[record.regression ? "r2s" : "accuracies"] = to_json(record.scores);
  entry["losses"] = to_json(record.losses);
  if (!record.reason.empty()) entry["reason"] = record.reason;
  return entry;
}

Json parse_result_file(const std::filesystem::path& path) {
  Json file = parse_json<Json>(read_text_file(path), path.string());
  if (!file.is_object())
    throw DataError(path.string(), "is no best.json or log.json: an object with keys \"0\", \"1\", ... is expected");
  return file;
}

std::int64_t number_of(const std::filesystem::path& path, const std::string& key, const Json& entry) {
  const std::int64_t number = json_member_or<std::int64_t>(entry, "number", -1);
  if (number < 0) {
    throw DataError(path.string(), fmt::format("is no best.json or log.json: entry \"{}\" has no trial number", key));
  }
  return number;
}

[[noreturn]] void bad_config(const std::filesystem::path& path, std::int64_t number, const std::string& what) {
  throw DataError(path.string(), fmt::format("sampled_config of trial {}: {}", number, what));
}

Scalar scalar_of(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_integer()) return json_value<std::int64_t>(value);
  if (value.is_number()) return value.get<double>();
  if (value.is_string() && value != "NA") return value.get<std::string>();
  return std::monostate{};
}

SampledConfig config_of(const std::filesystem::path& path, std::int64_t number, const Json& object) {
  if (!object.is_object()) bad_config(path, number, "an object is expected");
  SampledConfig config;
  for (const auto& [node, entry] : object.items()) {
    if (node == "by") continue;
    if (!entry.is_object() || !entry.contains("config") || !entry["config"].is_object()) {
      bad_config(path, number, fmt::format("\"{}\" has no config", node));
    }
    auto& values = config.emplace_back(node, std::vector<std::pair<std::string, Scalar>>{}).second;
    for (const auto& [key, value] : entry["config"].items()) {
      if (value.is_structured()) bad_config(path, number, fmt::format("{}.{} is no single value", node, key));
      try {
        values.emplace_back(key, scalar_of(value));
      } catch (const DataError& error) {
        bad_config(path, number, fmt::format("{}.{}: {}", node, key, error.what()));
      }
    }
  }
  return config;
}

std::vector<double> values_of(const Json& entry) {
  std::vector<double> values;
  if (!entry.contains("value")) return values;
  const Json& value = entry["value"];
  if (value.is_number()) values.push_back(value.get<double>());
  if (!value.is_array()) return values;
  for (const Json& element : value) {
    if (element.is_number()) values.push_back(element.get<double>());
  }
  return values;
}

void read_text(const Json& entry, const char* name, std::string& target) {
  if (entry.contains(name) && entry[name].is_string()) target = entry[name].get<std::string>();
}

Digest key_of(const std::filesystem::path& path, std::int64_t number, const Json& entry) {
  std::string text;
  for (const char* name : {"key", "user_attrs_lathe:key"}) read_text(entry, name, text);
  if (text.empty()) return {};
  const std::optional<Digest> key = Digest::from_hex(text);
  if (!key) throw DataError(path.string(), fmt::format("the key of trial {} is none: \"{}\"", number, text));
  return *key;
}

TrialRecord saved_trial(const std::filesystem::path& path, std::int64_t number, const Json& entry) {
  TrialRecord trial{.number = number, .values = values_of(entry), .key = key_of(path, number, entry)};
  const char* key = entry.contains("sampled_config") ? "sampled_config" : "user_attrs_sampled_config";
  if (!entry.contains(key) || entry[key].is_null()) {
    throw UserError("--trial", fmt::format("trial {} of {} has no sampled_config", number, path.string()));
  }
  trial.sampled_config = config_of(path, number, entry[key]);
  for (const char* flag : {"untrained", "user_attrs_lathe:untrained"}) {
    if (entry.contains(flag) && entry[flag].is_boolean()) trial.untrained = entry[flag].get<bool>();
  }
  for (const char* name : {"weights", "user_attrs_lathe:weights"}) read_text(entry, name, trial.weights);
  return trial;
}

// Prints seconds and shares by phase; they add up to threads * wall_seconds and to 1.
Json profile_entry(const ProfileTotals& profile) {
  Json entry{{"threads", profile.threads}, {"wall_seconds", profile.wall_seconds()}, {"phases", Json::object()}};
  for (std::size_t i = 0; i < kPhases; ++i) {
    const auto phase = static_cast<Phase>(i);
    entry["phases"][std::string(lathe::to_string(phase))] = {{"seconds", profile.seconds(phase)},
                                                             {"share", profile.share(phase)}};
  }
  return entry;
}

}  // namespace

std::string best_json(const StudyRecord& study) {
  Json file = Json::object();
  std::vector<std::size_t> order = study.best;
  if (study.directions.size() > 1) {  // of one objective the best is first: after a race the most probable
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return study.trials[a].number < study.trials[b].number; });
  }
  const std::map<std::size_t, std::int64_t> equals = best_with_equals(study);
  for (std::size_t i = 0; i < order.size(); ++i) {
    Json& entry = file[std::to_string(i)] = best_entry(study, study.trials[order[i]]);
    if (const auto equal = equals.find(order[i]); equal != equals.end()) entry["same_values_as"] = equal->second;
  }
  return document(file);
}

std::string log_json(const StudyRecord& study) {
  Json file = Json::object();
  for (std::size_t i = 0; i < study.trials.size(); ++i) file[std::to_string(i)] = log_row(study, study.trials[i]);
  return document(file);
}

std::string study_json(const StudyRecord& study) {
  Json file;
  file["schema_version"] = kSchemaVersion;
  file["lathe_version"] = LATHE_VERSION;
  file["study"] = study.name;
  file["model"] = study.model;
  if (!study.notice.empty()) file["notice"] = study.notice;
  file["sampler"] = study.sampler;
  file["seed"] = study.seed;
  file["lag"] = study.lag;
  file["objectives"] = Json::array();
  for (const ObjectiveRecord& objective : study.objectives) {
    file["objectives"].push_back({{"name", objective.name}, {"direction", lathe::to_string(objective.direction)}});
  }
  file["directions"] = Json::array();
  for (const Direction direction : study.directions) file["directions"].push_back(lathe::to_string(direction));
  file["space_size"] = study.space_size ? Json(*study.space_size) : Json();
  file["backend"] = study.backend;
  file["target"] = study.target;
  if (!study.accelerator.empty()) file["accelerator"] = study.accelerator;
  file["threads_per_trial"] = study.threads_per_trial;
  if (!study.precision.empty()) file["precision"] = study.precision;
  if (!study.weights.empty()) file["weights"] = study.weights;
  file["end"] = study.end;
  file["reproducible"] = study.reproducible;
  file["wall_seconds"] = rounded(study.wall_seconds);
  file["trials"] = state_counts(study);
  if (const MemoryUse use = largest_memory(study.trials); use.planned_bytes > 0) {
    file["memory"] = memory_json(use.planned_bytes, use.peak_bytes);
  }
  if (Json race = race_json(study); !race.empty()) file["race"] = std::move(race);
  file["data"] = Json::object();
  for (const auto& [name, value] : study.data) file["data"][name] = to_json(value);
  if (!study.preprocessing.empty()) file["preprocessing"] = parse_json<Json>(study.preprocessing, "preprocessing");
  file["final"] = Json::array();
  for (const FinalRecord& record : study.finals) file["final"].push_back(final_entry(record));
  if (study.profile) file["profile"] = profile_entry(*study.profile);
  file["settings"] = study.settings;
  return document(file);
}

std::vector<std::int64_t> saved_trial_numbers(const std::filesystem::path& path) {
  std::vector<std::int64_t> numbers;
  const Json file = parse_result_file(path);
  for (const auto& [key, entry] : file.items()) numbers.push_back(number_of(path, key, entry));
  return numbers;
}

TrialRecord read_saved_trial(const std::filesystem::path& path, std::int64_t number) {
  constexpr std::size_t kMostListed = 20;
  const Json file = parse_result_file(path);
  std::vector<std::int64_t> numbers;
  for (const auto& [key, entry] : file.items()) {
    numbers.push_back(number_of(path, key, entry));
    if (numbers.back() == number) return saved_trial(path, number, entry);
  }
  if (numbers.empty()) throw UserError("--trial", fmt::format("{} holds no trial", path.string()));
  const std::size_t total = numbers.size();
  numbers.resize(std::min(total, kMostListed));
  throw UserError("--trial",
                  fmt::format("{} holds no trial {} (it holds {}{})", path.string(), number, fmt::join(numbers, ", "),
                              total > kMostListed ? fmt::format(", ... {} in all", total) : ""));
}

}  // namespace lathe::report
