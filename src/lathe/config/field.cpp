#include "lathe/config/field.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace lathe::config {
namespace {

// The limits of 64-bit integers are no bounds that a user should be told of.
constexpr double kNoLimit = 9.2e18;

bool has_low(const Bounds& bounds) { return bounds.low > -kNoLimit; }
bool has_high(const Bounds& bounds) { return bounds.high < kNoLimit; }

}  // namespace

std::string Bounds::to_string() const {
  if (has_low(*this) && has_high(*this)) {
    return fmt::format("in {}{}, {}{}", low_open ? '(' : '[', low, high, high_open ? ')' : ']');
  }
  if (has_low(*this)) return fmt::format("{} {}", low_open ? "above" : "at least", low);
  if (has_high(*this)) return fmt::format("{} {}", high_open ? "below" : "at most", high);
  return {};
}

void unknown_key(const Member& member, const std::vector<std::string>& known) {
  const SourcePosition& position = member.key_position.file.empty() ? member.value.position() : member.key_position;
  const std::string& key = member.value.key();
  throw UserError(position, key.empty() ? member.name : key, "unknown key" + suggestion(member.name, known));
}

namespace detail {

void check_bounds(const Value& value, double number, const Bounds& bounds) {
  if (!std::isfinite(number)) value.fail(fmt::format("must be a finite number; got {}", value.to_toml()));
  if (!bounds.contains(number)) value.fail(fmt::format("must be {}; got {}", bounds.to_string(), value.to_toml()));
}

void check_choice(const Value& value, const std::vector<std::string>& choices) {
  const std::string& text = value.as_string();
  if (std::find(choices.begin(), choices.end(), text) != choices.end()) return;
  const std::string nearest = nearest_name(text, choices);
  value.fail(fmt::format("must be {}; got {}{}", choices_text(choices), quoted(text),
                         nearest.empty() ? "" : fmt::format("; did you mean {}?", quoted(nearest))));
}

void unknown_key(const Value& value, const std::string& name, const std::vector<std::string>& known) {
  config::unknown_key({name, value, {}}, known);
}

std::string quoted(const std::string& text) { return Value(text, {}, {}).to_toml(); }

std::string choices_text(const std::vector<std::string>& choices) {
  std::string text;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (i > 0) text += i + 1 == choices.size() ? " or " : ", ";
    text += quoted(choices[i]);
  }
  return text;
}

std::vector<Value> elements(const Value& value, bool numbers) {
  if (value.is_array()) return value.as_array();
  if (!value.is_string() || value.position().file != kCommandLine) return {value};
  std::vector<Value> parts;
  std::string_view rest = value.as_string();
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    const std::string part(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    double number = 0;
    const auto [last, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    const bool is_number = numbers && error == std::errc() && last == part.data() + part.size();
    parts.emplace_back(is_number ? Value::Data(number) : Value::Data(part), value.position(), value.key());
  }
  return parts;
}

}  // namespace detail
}  // namespace lathe::config
