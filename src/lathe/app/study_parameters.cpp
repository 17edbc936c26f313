#include "lathe/app/study_parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <sstream>

#include "lathe/base/error.h"
#include "lathe/base/json.h"
#include "lathe/report/table.h"
#include "lathe/storage/text.h"

namespace lathe::app {
namespace {

using Json = nlohmann::ordered_json;
using DistributionPointer = std::shared_ptr<const parameter::Distribution>;

// Splits what study/open.cpp stores, a distribution as JSON and ` when PARENT is VALUE`; false for anything else.
bool read_choices(const std::string& text, StudyParameter& parameter) {
  const std::size_t size = json_prefix_size(text);
  try {
    parameter.distributions.push_back(
        std::make_shared<const parameter::Distribution>(storage::distribution_from_json(text.substr(0, size))));
  } catch (const DataError&) {
    return false;
  }
  std::istringstream stream(text.substr(size));
  stream >> std::ws;
  std::getline(stream, parameter.condition);
  return true;
}

// Returns what lathe stored with the study; empty where another program made it.
std::vector<StudyParameter> stored_parameters(const storage::StudyInfo& info) {
  const auto attribute = info.user_attributes.find("lathe:identity");
  if (attribute == info.user_attributes.end()) return {};
  const Json identity = json_or_discarded<Json>(attribute->second);
  if (!identity.is_object() || !identity.contains("choices")) return {};
  std::vector<StudyParameter> parameters;
  for (const auto& [name, text] : identity["choices"].items()) {
    StudyParameter parameter{.name = name, .distributions = {}};
    if (!text.is_string() || !read_choices(text.get<std::string>(), parameter)) return {};
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

std::string values_text(const parameter::Categorical& list) {
  std::string text;
  for (const parameter::Choice& choice : list.choices)
    text += (text.empty() ? "" : ", ") + parameter::to_string(choice);
  return text;
}

std::string values_text(const parameter::Integer& range) {
  const std::string step = range.step == 1 ? "" : fmt::format(" by {}", range.step);
  return fmt::format("{} to {}{}{}", range.low, range.high, step, range.log ? ", logarithmic" : "");
}

std::string values_text(const parameter::Float& range) {
  const std::string step = range.step ? fmt::format(" by {}", *range.step) : "";
  return fmt::format("{} to {}{}{}", range.low, range.high, step, range.log ? ", logarithmic" : "");
}

// Splits a name into words at slashes and dots; `config` between node and key says nothing.
std::vector<std::string> words_of(const std::string& name) {
  std::vector<std::string> words;
  std::string word;
  for (const char letter : name + "/") {
    if (letter != '/' && letter != '.') {
      word += letter;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (words.size() < 3) return words;
  const auto middle = std::find(words.begin() + 1, words.end() - 1, "config");
  if (middle != words.end() - 1) words.erase(middle);
  return words;
}

bool means(const std::vector<std::string>& typed, const std::string& name) {
  const std::vector<std::string> words = words_of(name);
  if (typed.empty() || typed.size() > words.size()) return false;
  return std::equal(typed.begin(), typed.end(), words.begin()) ||
         std::equal(typed.rbegin(), typed.rend(), words.rbegin());
}

[[noreturn]] void fail_unknown(const std::vector<StudyParameter>& parameters, const std::string& typed) {
  std::vector<std::string> known;
  for (const StudyParameter& parameter : parameters) known.push_back(short_name(parameter.name));
  throw UserError(fmt::format("the study decides no \"{}\"{}", typed, suggestion(typed, known)));
}

template <typename Number>
std::optional<Number> number_from(const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool means_none(const std::string& text) { return text == "NA" || text == "None" || text == "null"; }

// Lists what a text may stand for, the likeliest first.
std::vector<parameter::Choice> readings(const std::string& text) {
  std::vector<parameter::Choice> found;
  if (means_none(text)) found.emplace_back(std::monostate{});
  if (text == "true" || text == "True") found.emplace_back(true);
  if (text == "false" || text == "False") found.emplace_back(false);
  if (const auto integer = number_from<std::int64_t>(text)) found.emplace_back(*integer);
  if (const auto number = number_from<double>(text); number && std::isfinite(*number)) found.emplace_back(*number);
  found.emplace_back(text);
  const bool quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  if (quoted) found.emplace_back(text.substr(1, text.size() - 2));
  return found;
}

std::optional<double> number_of(const parameter::Choice& choice) {
  if (const auto* integer = std::get_if<std::int64_t>(&choice)) return static_cast<double>(*integer);
  if (const auto* number = std::get_if<double>(&choice)) return *number;
  return std::nullopt;
}

// Returns the choice that a mistyped one is nearest to: of numbers by their distance, of texts by their letters.
std::string nearest_choice(const parameter::Categorical& list, const std::string& text) {
  std::vector<std::string> names;
  std::string nearest;
  double least = std::numeric_limits<double>::infinity();
  const auto number = number_from<double>(text);
  for (const parameter::Choice& choice : list.choices) {
    names.push_back(parameter::to_string(choice));
    const auto other = number_of(choice);
    if (!number || !other || std::abs(*other - *number) >= least) continue;
    least = std::abs(*other - *number);
    nearest = names.back();
  }
  return number ? nearest : nearest_name(text, names);
}

[[noreturn]] void fail_value(const StudyParameter& parameter, const std::string& text) {
  const parameter::Distribution& newest = *parameter.distributions.back();
  const auto* list = std::get_if<parameter::Categorical>(&newest);
  const std::string nearest = list == nullptr ? "" : nearest_choice(*list, text);
  throw UserError(parameter.name, fmt::format("cannot be {}{} (allowed: {})", text.empty() ? "empty" : text,
                                              nearest.empty() ? "" : fmt::format("; the nearest is {}", nearest),
                                              app::values_text(newest)));
}

}  // namespace

std::vector<StudyParameter> study_parameters(storage::Storage& storage, const storage::StudyInfo& info) {
  std::vector<StudyParameter> parameters = stored_parameters(info);
  if (!parameters.empty()) return parameters;
  for (const storage::NamedDistribution& each : storage.distributions(info.study_id)) {
    const auto known = std::find_if(parameters.begin(), parameters.end(),
                                    [&](const StudyParameter& parameter) { return parameter.name == each.name; });
    if (known == parameters.end())
      parameters.push_back({each.name, {each.distribution}});
    else
      known->distributions.push_back(each.distribution);
  }
  return parameters;
}

std::string values_text(const parameter::Distribution& distribution) {
  return std::visit([](const auto& kind) { return values_text(kind); }, distribution);
}

std::string short_name(const std::string& name) {
  constexpr std::string_view kMiddle = "/config/";
  const std::size_t middle = name.find(kMiddle);
  if (middle == std::string::npos) return name;
  return name.substr(0, middle) + "." + name.substr(middle + kMiddle.size());
}

const StudyParameter& find_parameter(const std::vector<StudyParameter>& parameters, const std::string& typed) {
  const auto exact = std::find_if(parameters.begin(), parameters.end(),
                                  [&](const StudyParameter& parameter) { return parameter.name == typed; });
  if (exact != parameters.end()) return *exact;
  const std::vector<std::string> words = words_of(typed);
  std::vector<const StudyParameter*> meant;
  for (const StudyParameter& parameter : parameters) {
    if (words == words_of(parameter.name)) return parameter;
    if (means(words, parameter.name)) meant.push_back(&parameter);
  }
  if (meant.empty()) fail_unknown(parameters, typed);
  if (meant.size() > 1) {
    std::string names;
    for (const StudyParameter* parameter : meant) names += (names.empty() ? "" : ", ") + short_name(parameter->name);
    throw UserError(fmt::format("\"{}\" may mean several parameters: {}", typed, names));
  }
  return *meant.front();
}

storage::Parameter read_parameter(const StudyParameter& parameter, const std::string& text) {
  for (auto distribution = parameter.distributions.rbegin(); distribution != parameter.distributions.rend();
       ++distribution) {
    for (const parameter::Choice& reading : readings(text)) {
      const auto code = parameter::code_of(**distribution, reading);
      if (code) return {parameter.name, *distribution, parameter::internal_value(**distribution, *code)};
    }
  }
  fail_value(parameter, text);
}

}  // namespace lathe::app
