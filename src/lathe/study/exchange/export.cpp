#include "lathe/study/exchange/export.h"

#include <cmath>
#include <unordered_map>

#include "lathe/base/json.h"
#include "lathe/recipe/settings.h"
#include "lathe/storage/text.h"

namespace lathe::study {
namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json, bool ascii = false) {
  return json.dump(-1, ' ', ascii, Json::error_handler_t::replace);
}

Json number_json(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return value;
}

Json choice_json(const parameter::Choice& choice) {
  return std::visit(
      [](const auto& value) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(value)>, std::monostate>)
          return nullptr;
        else
          return value;
      },
      choice);
}

// Removes the blanks of a JSON text, not those within its strings.
std::string without_blanks(const std::string& text) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char letter = text[i];
    if (!quoted && (letter == ' ' || letter == '\n' || letter == '\t' || letter == '\r')) continue;
    out += letter;
    if (letter == '"') quoted = !quoted;
    if (quoted && letter == '\\' && i + 1 < text.size()) out += text[++i];
  }
  return out;
}

// Reads an attribute; discarded where printing it again would change more than blanks.
Json attribute_json(const std::string& text) {
  Json value = json_or_discarded<Json>(text);
  if (value.is_discarded()) return value;
  const std::string plain = without_blanks(text);
  const bool lossless = plain == text_of(value) || plain == text_of(value, true);
  return lossless ? value : Json(Json::value_t::discarded);
}

void add_attributes(const storage::Attributes& attributes, const std::string& kind, Json& object) {
  Json values = Json::object(), texts = Json::object();
  for (const auto& [key, text] : attributes) {
    Json value = attribute_json(text);
    if (value.is_discarded())
      texts[key] = text;
    else
      values[key] = std::move(value);
  }
  if (!values.empty()) object[kind + "_attributes"] = std::move(values);
  if (!texts.empty()) object[kind + "_attribute_texts"] = std::move(texts);
}

// Numbers the distributions in the order in which they come up.
class DistributionList {
 public:
  std::size_t number(const std::shared_ptr<const parameter::Distribution>& distribution) {
    if (const auto known = by_address_.find(distribution.get()); known != by_address_.end()) return known->second;
    std::string text = storage::distribution_json(*distribution);
    const auto [place, is_new] = by_text_.emplace(std::move(text), texts_.size());
    if (is_new) texts_.push_back(place->first);
    by_address_[distribution.get()] = place->second;
    return place->second;
  }
  const std::vector<std::string>& texts() const { return texts_; }

 private:
  std::unordered_map<const parameter::Distribution*, std::size_t> by_address_;
  std::unordered_map<std::string, std::size_t> by_text_;
  std::vector<std::string> texts_;
};

Json parameter_json(const storage::Parameter& parameter, DistributionList& distributions) {
  const auto code = parameter::code_of_internal(*parameter.distribution, parameter.value);
  return {{"value", code ? choice_json(parameter::choice(*parameter.distribution, *code)) : Json(nullptr)},
          {"stored", number_json(parameter.value)},
          {"distribution", distributions.number(parameter.distribution)}};
}

Json trial_json(const storage::Trial& trial, DistributionList& distributions) {
  Json json = {{"number", trial.number}, {"state", to_string(trial.state)}};
  for (const double value : trial.values) json["values"].push_back(number_json(value));
  for (const storage::Parameter& parameter : trial.parameters) {
    json["parameters"][parameter.name] = parameter_json(parameter, distributions);
  }
  for (const auto& [step, value] : trial.intermediate_values) {
    json["intermediate_values"].push_back(Json::array({step, number_json(value)}));
  }
  add_attributes(trial.user_attributes, "user", json);
  add_attributes(trial.system_attributes, "system", json);
  if (trial.started) json["started"] = storage::time_text(*trial.started);
  if (trial.completed) json["completed"] = storage::time_text(*trial.completed);
  return json;
}

void add_repeats(const std::map<std::int64_t, std::string>& repeats, Json& trial) {
  for (const auto& [repeat, text] : repeats) trial["repeats"].push_back(Json::array({repeat, text}));
}

// Prints lines of a list, two blanks before each, a comma behind all but the last.
std::string list_text(const std::vector<std::string>& lines) {
  std::string text = "[";
  for (std::size_t i = 0; i < lines.size(); ++i) text += (i == 0 ? "\n  " : ",\n  ") + lines[i];
  return text + (lines.empty() ? "]" : "\n ]");
}

}  // namespace

ExportedStudy load_study(storage::Storage& storage, const storage::StudyInfo& info) {
  ExportedStudy study{.info = info, .trials = storage.trials(info.study_id)};
  const auto repeats = storage.repeats(info.study_id);
  for (const storage::Trial& trial : study.trials) {
    const auto found = repeats.find(trial.trial_id);
    if (found != repeats.end()) study.repeats[trial.number] = found->second;
  }
  return study;
}

std::string export_json(const ExportedStudy& study) {
  DistributionList distributions;
  std::vector<std::string> trials;
  trials.reserve(study.trials.size());
  for (const storage::Trial& trial : study.trials) {
    Json json = trial_json(trial, distributions);
    if (const auto repeats = study.repeats.find(trial.number); repeats != study.repeats.end()) {
      add_repeats(repeats->second, json);
    }
    trials.push_back(text_of(json));
  }
  Json head = {{"format", "lathe study"}, {"schema_version", kExportVersion}, {"name", study.info.name}};
  head["directions"] = Json::array();
  for (const Direction direction : study.info.directions) head["directions"].push_back(to_string(direction));
  add_attributes(study.info.user_attributes, "user", head);
  add_attributes(study.info.system_attributes, "system", head);
  std::string text = "{";
  for (const auto& [key, value] : head.items()) text += "\n " + text_of(Json(key)) + ": " + text_of(value) + ",";
  text += "\n \"distributions\": " + list_text(distributions.texts());
  return text + ",\n \"trials\": " + list_text(trials) + "\n}\n";
}

}  // namespace lathe::study
