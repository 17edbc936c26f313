#include "lathe/study/exchange/import.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/base/error.h"
#include "lathe/base/json.h"
#include "lathe/storage/text.h"

namespace lathe::study {
namespace {

using Json = nlohmann::ordered_json;
using Distributions = std::vector<std::shared_ptr<const parameter::Distribution>>;

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

// Returns a member, null where it is absent.
const Json& member(const Json& object, const std::string& name) {
  static const Json kAbsent;
  const auto found = object.find(name);
  return found == object.end() ? kAbsent : *found;
}

double number_from(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (value == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (value == "Infinity") return std::numeric_limits<double>::infinity();
  if (value == "-Infinity") return -std::numeric_limits<double>::infinity();
  throw DataError(fmt::format("{} is no number", text_of(value)));
}

storage::Attributes attributes_from(const Json& object, const std::string& kind) {
  storage::Attributes attributes;
  for (const auto& [key, value] : member(object, kind + "_attributes").items()) attributes[key] = text_of(value);
  for (const auto& [key, text] : member(object, kind + "_attribute_texts").items()) {
    attributes[key] = json_value<std::string>(text);
  }
  return attributes;
}

std::optional<storage::Time> time_from(const Json& value) {
  if (value.is_null()) return std::nullopt;
  return storage::time_from_text(json_value<std::string>(value));
}

storage::Parameter parameter_from(const std::string& name, const Json& value, const Distributions& distributions) {
  const auto index = json_member<std::size_t>(value, "distribution");
  if (index >= distributions.size()) throw DataError(fmt::format("{}: there is no distribution {}", name, index));
  storage::Parameter parameter{name, distributions[index], number_from(member(value, "stored"))};
  const bool categorical = std::holds_alternative<parameter::Categorical>(*parameter.distribution);
  if (categorical && !parameter::code_of_internal(*parameter.distribution, parameter.value)) {
    throw DataError(fmt::format("{}: there is no choice {}", name, parameter.value));
  }
  return parameter;
}

void check_values(const storage::Trial& trial, std::size_t objectives) {
  const std::size_t count = trial.values.size();
  const bool may_have = trial.state == TrialState::kComplete || trial.state == TrialState::kPruned;
  const bool fits = (may_have && count == objectives) || (trial.state != TrialState::kComplete && count == 0);
  if (!fits) {
    throw DataError(
        fmt::format("{} values in state {}, in a study of {} objectives", count, to_string(trial.state), objectives));
  }
  const auto is_nan = [](double value) { return std::isnan(value); };
  if (std::any_of(trial.values.begin(), trial.values.end(), is_nan)) throw DataError("NaN is no value of a trial");
}

storage::Trial trial_from(const Json& json, const Distributions& distributions, std::size_t objectives) {
  storage::Trial trial{.number = json_member<std::int64_t>(json, "number"),
                       .state = storage::state_from_name(json_member<std::string>(json, "state"))};
  if (trial.number < 0) throw DataError("a trial's number is at least 0");
  for (const Json& value : member(json, "values")) trial.values.push_back(number_from(value));
  check_values(trial, objectives);
  for (const auto& [name, value] : member(json, "parameters").items()) {
    trial.parameters.push_back(parameter_from(name, value, distributions));
  }
  for (const Json& entry : member(json, "intermediate_values")) {
    trial.intermediate_values[json_value<std::int64_t>(entry.at(0))] = number_from(entry.at(1));
  }
  trial.user_attributes = attributes_from(json, "user");
  trial.system_attributes = attributes_from(json, "system");
  trial.started = time_from(member(json, "started"));
  trial.completed = time_from(member(json, "completed"));
  return trial;
}

// Runs `read` and says where in the file it failed.
template <typename Function>
void at_place(const std::string& path, const std::string& place, const Function& read) {
  try {
    read();
  } catch (const DataError& error) {
    throw DataError(path, fmt::format("{}: {}", place, error.what()));
  } catch (const nlohmann::json::exception&) {
    throw DataError(path, fmt::format("{}: not as `lathe study export` writes it", place));
  }
}

Json document_of(const std::string& text, const std::string& path) {
  Json document = parse_json<Json>(text, path);
  const bool ours = document.is_object() && member(document, "format") == "lathe study";
  if (!ours) throw DataError(path, "no study that `lathe study export` wrote");
  const Json& version = member(document, "schema_version");
  if (version != kExportVersion) {
    throw DataError(path, fmt::format("written in layout {} by another lathe; this one reads layout {}",
                                      text_of(version), kExportVersion));
  }
  return document;
}

void read_head(const Json& document, storage::StudyInfo& info) {
  info.name = json_member<std::string>(document, "name");
  for (const Json& name : member(document, "directions")) {
    const auto direction = storage::direction_from_name(json_value<std::string>(name));
    if (!direction) throw DataError("a direction is not set");
    info.directions.push_back(*direction);
  }
  if (info.name.empty()) throw DataError("the study has no name");
  if (info.directions.empty()) throw DataError("the study has no objective");
  info.user_attributes = attributes_from(document, "user");
  info.system_attributes = attributes_from(document, "system");
}

// Turns a trial that ran into one that waits to be run with the same parameters: its worker does not know the copy.
void queue_again(storage::Trial& trial) {
  trial.state = TrialState::kWaiting;
  if (!trial.parameters.empty()) {
    trial.system_attributes["fixed_params"] = storage::fixed_parameters_json(trial.parameters);
  }
  trial.parameters.clear();
  trial.intermediate_values.clear();
  trial.started.reset();
  trial.user_attributes.erase("lathe:worker");
  trial.user_attributes.erase("lathe:attempts");
}

void write_repeats(storage::Storage& storage, const ExportedStudy& study, std::int64_t study_id) {
  if (study.repeats.empty()) return;
  const std::vector<storage::Trial> stored = storage.trials(study_id);
  for (std::size_t i = 0; i < stored.size(); ++i) {
    const auto found = study.repeats.find(study.trials[i].number);
    if (found == study.repeats.end()) continue;
    for (const auto& [repeat, json] : found->second) storage.add_repeat(stored[i].trial_id, repeat, json);
  }
}

}  // namespace

ExportedStudy read_export(const std::string& text, const std::string& path) {
  const Json document = document_of(text, path);
  ExportedStudy study;
  at_place(path, "head", [&] { read_head(document, study.info); });
  Distributions distributions;
  at_place(path, "distributions", [&] {
    for (const Json& each : member(document, "distributions")) {
      distributions.push_back(
          std::make_shared<const parameter::Distribution>(storage::distribution_from_json(text_of(each))));
    }
  });
  const Json& trials = member(document, "trials");
  if (!trials.is_array()) throw DataError(path, "it has no list of trials");
  for (std::size_t i = 0; i < trials.size(); ++i) {
    at_place(path, fmt::format("trials[{}]", i), [&] {
      study.trials.push_back(trial_from(trials[i], distributions, study.info.directions.size()));
      if (i > 0 && study.trials[i].number <= study.trials[i - 1].number) throw DataError("its number is out of order");
      for (const Json& entry : member(trials[i], "repeats")) {
        study.repeats[study.trials[i].number][json_value<std::int64_t>(entry.at(0))] =
            json_value<std::string>(entry.at(1));
      }
    });
  }
  return study;
}

ImportedStudy import_study(storage::Storage& storage, ExportedStudy study) {
  ImportedStudy imported;
  for (std::size_t i = 0; i < study.trials.size(); ++i) {
    storage::Trial& trial = study.trials[i];
    if (trial.number != static_cast<std::int64_t>(i)) ++imported.renumbered;
    if (trial.state != TrialState::kRunning) continue;
    ++imported.queued_again;
    queue_again(trial);
  }
  imported.study_id = storage.import_study(study.info, study.trials);
  try {
    write_repeats(storage, study, imported.study_id);
  } catch (...) {
    storage.delete_study(imported.study_id);
    throw;
  }
  return imported;
}

}  // namespace lathe::study
