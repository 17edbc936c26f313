#include "lathe/storage/text.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>

#include "lathe/base/error.h"
#include "lathe/base/json.h"

namespace lathe::storage {
namespace {

using Json = nlohmann::json;

template <typename Enum, std::size_t kCount>
Enum from_name(std::string_view name, const std::array<Enum, kCount>& all, const char* what) {
  for (const Enum value : all) {
    if (to_string(value) == name) return value;
  }
  throw DataError(fmt::format("\"{}\" is no {}", name, what));
}

/// Decodes the code point at `position` and moves behind it; U+FFFD for bytes that are no UTF-8.
char32_t next_code_point(std::string_view text, std::size_t& position) {
  constexpr char32_t kReplacement = 0xFFFD;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = byte(position++);
  if (first < 0x80) return first;
  const int length = first >= 0xF8 ? 0 : first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : first >= 0xC2 ? 1 : 0;
  if (length == 0 || position + static_cast<std::size_t>(length) > text.size()) return kReplacement;
  char32_t code = first & (0x3F >> length);
  for (int i = 0; i < length; ++i) {
    const unsigned char next = byte(position + static_cast<std::size_t>(i));
    if ((next & 0xC0) != 0x80) return kReplacement;
    code = code << 6 | (next & 0x3F);
  }
  position += static_cast<std::size_t>(length);
  const bool surrogate = code >= 0xD800 && code < 0xE000;
  return surrogate || code > 0x10FFFF ? kReplacement : code;
}

void append_escaped(std::string& text, char32_t code) {
  switch (code) {
    case '"': text += "\\\""; return;
    case '\\': text += "\\\\"; return;
    case '\n': text += "\\n"; return;
    case '\r': text += "\\r"; return;
    case '\t': text += "\\t"; return;
    case '\b': text += "\\b"; return;
    case '\f': text += "\\f"; return;
    default: break;
  }
  if (code >= 0x20 && code < 0x7F) {
    text += static_cast<char>(code);
  } else if (code < 0x10000) {
    text += fmt::format("\\u{:04x}", static_cast<unsigned>(code));
  } else {
    const auto rest = static_cast<unsigned>(code) - 0x10000;
    text += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
  }
}

parameter::Choice choice_from_json(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null: return std::monostate{};
    case Json::value_t::boolean: return value.get<bool>();
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned: return json_value<std::int64_t>(value);
    case Json::value_t::number_float: return value.get<double>();
    case Json::value_t::string: return value.get<std::string>();
    default: return value.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
}

[[noreturn]] void bad_time(std::string_view text) { throw DataError(fmt::format("\"{}\" is no date and time", text)); }

unsigned digits_at(std::string_view text, std::size_t position, std::size_t count) {
  unsigned value = 0;
  const char* begin = text.data() + position;
  const auto [end, error] = std::from_chars(begin, begin + count, value);
  if (error != std::errc() || end != begin + count) bad_time(text);
  return value;
}

std::chrono::microseconds fraction(std::string_view text) {
  if (text.size() < 2 || text.size() > 7 || text[0] != '.') bad_time(text);
  unsigned value = digits_at(text, 1, text.size() - 1);
  for (std::size_t i = text.size(); i < 7; ++i) value *= 10;
  return std::chrono::microseconds(value);
}

}  // namespace

TrialState state_from_name(std::string_view name) {
  static constexpr std::array kAll{TrialState::kRunning, TrialState::kComplete, TrialState::kPruned, TrialState::kFail,
                                   TrialState::kWaiting};
  return from_name(name, kAll, "state of a trial");
}

std::optional<Direction> direction_from_name(std::string_view name) {
  if (name == "NOT_SET") return std::nullopt;
  static constexpr std::array kAll{Direction::kMinimize, Direction::kMaximize};
  return from_name(name, kAll, "direction of an objective");
}

std::string time_text(Time time) {
  using namespace std::chrono;
  const auto microsecond = floor<microseconds>(time);
  const auto day = floor<days>(microsecond);
  const year_month_day date(day);
  const hh_mm_ss clock(microsecond - day);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

Time time_from_text(std::string_view text) {
  using namespace std::chrono;
  constexpr std::string_view kShape = "0000-00-00 00:00:00";
  if (text.size() < kShape.size()) bad_time(text);
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    if (kShape[i] != '0' && kShape[i] != text[i]) bad_time(text);
  }
  const year_month_day date(year(static_cast<int>(digits_at(text, 0, 4))), month(digits_at(text, 5, 2)),
                            day(digits_at(text, 8, 2)));
  // What nanoseconds since 1970 can hold in 64 bits ends within 1677 and 2262.
  if (!date.ok() || date.year() < year(1678) || date.year() > year(2261)) bad_time(text);
  Time time = sys_days(date) + hours(digits_at(text, 11, 2)) + minutes(digits_at(text, 14, 2)) +
              seconds(digits_at(text, 17, 2));
  if (text.size() > kShape.size()) time += fraction(text.substr(kShape.size()));
  return time;
}

std::string json_text(std::string_view text) {
  std::string escaped = "\"";
  for (std::size_t position = 0; position < text.size();) append_escaped(escaped, next_code_point(text, position));
  return escaped + '"';
}

std::string json_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  // fmt prints the shortest digits; Python changes to the exponent form at 1e16 and below 1e-4, as fmt does.
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string json_text(const parameter::Choice& choice) {
  struct Printer {
    std::string operator()(std::monostate) const { return "null"; }
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(std::int64_t value) const { return std::to_string(value); }
    std::string operator()(double value) const { return json_text(value); }
    std::string operator()(const std::string& value) const { return json_text(std::string_view(value)); }
  };
  return std::visit(Printer{}, choice);
}

namespace {

std::string text_of(const parameter::Categorical& list) {
  std::string text = R"({"name": "CategoricalDistribution", "attributes": {"choices": [)";
  for (std::size_t i = 0; i < list.choices.size(); ++i) {
    if (i > 0) text += ", ";
    text += json_text(list.choices[i]);
  }
  return text + "]}}";
}

std::string text_of(const parameter::Integer& range) {
  return fmt::format(R"({{"name": "IntDistribution", "attributes": {{"log": {}, "step": {}, "low": {}, "high": {}}}}})",
                     range.log, range.step, range.low, range.high);
}

std::string text_of(const parameter::Float& range) {
  return fmt::format(
      R"({{"name": "FloatDistribution", "attributes": {{"step": {}, "low": {}, "high": {}, "log": {}}}}})",
      range.step ? json_text(*range.step) : "null", json_text(range.low), json_text(range.high), range.log);
}

/// Returns the value that the runner of a trial sees.
parameter::Choice external_value(const Parameter& parameter) {
  if (const auto* list = std::get_if<parameter::Categorical>(parameter.distribution.get())) {
    return list->choices.at(static_cast<std::size_t>(parameter.value));
  }
  if (std::holds_alternative<parameter::Integer>(*parameter.distribution)) {
    return static_cast<std::int64_t>(parameter.value);
  }
  return parameter.value;
}

parameter::Categorical categorical_from(const Json& attributes) {
  parameter::Categorical list;
  for (const Json& choice : json_at(attributes, "choices")) list.choices.push_back(choice_from_json(choice));
  return list;
}

parameter::Integer integer_from(const Json& attributes, bool log) {
  const bool stepped = !log && attributes.contains("step");
  return {.low = json_member<std::int64_t>(attributes, "low"),
          .high = json_member<std::int64_t>(attributes, "high"),
          .step = stepped ? json_member<std::int64_t>(attributes, "step") : 1,
          .log = log};
}

parameter::Float float_from(const Json& attributes, bool log, const char* step) {
  parameter::Float range{.low = json_member<double>(attributes, "low"),
                         .high = json_member<double>(attributes, "high")};
  range.log = log;
  if (attributes.contains(step) && !attributes.at(step).is_null()) range.step = json_member<double>(attributes, step);
  return range;
}

parameter::Distribution distribution_from(const std::string& name, const Json& attributes) {
  const bool log = attributes.contains("log") && json_member<bool>(attributes, "log");
  if (name == "CategoricalDistribution") return categorical_from(attributes);
  if (name == "IntDistribution") return integer_from(attributes, log);
  if (name == "FloatDistribution") return float_from(attributes, log, "step");
  if (name == "UniformDistribution") return float_from(attributes, false, "step");
  if (name == "LogUniformDistribution") return float_from(attributes, true, "step");
  if (name == "DiscreteUniformDistribution") return float_from(attributes, false, "q");
  if (name == "IntUniformDistribution") return integer_from(attributes, false);
  if (name == "IntLogUniformDistribution") return integer_from(attributes, true);
  throw DataError(fmt::format("\"{}\" is no distribution that lathe knows", name));
}

}  // namespace

std::string distribution_json(const parameter::Distribution& distribution) {
  return std::visit([](const auto& kind) { return text_of(kind); }, distribution);
}

parameter::Distribution distribution_from_json(std::string_view text) {
  const Json document = json_or_discarded<Json>(text);
  const bool shaped = document.is_object() && document.contains("name") && document["name"].is_string() &&
                      document.contains("attributes") && document["attributes"].is_object();
  if (!shaped) throw DataError(fmt::format("\"{}\" is no distribution", text));
  try {
    return parameter::checked(distribution_from(document["name"].get<std::string>(), document["attributes"]));
  } catch (const Error& error) {
    throw DataError(fmt::format("\"{}\" is no distribution: {}", text, error.what()));
  }
}

std::string fixed_parameters_json(const std::vector<Parameter>& parameters) {
  std::string text = "{";
  for (const Parameter& parameter : parameters) {
    if (text.size() > 1) text += ", ";
    text += json_text(std::string_view(parameter.name)) + ": " + json_text(external_value(parameter));
  }
  return text + "}";
}

}  // namespace lathe::storage
