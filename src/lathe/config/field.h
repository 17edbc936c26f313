#pragma once

#include <fmt/format.h>

#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "lathe/config/value.h"

/// One field table per settings struct: it drives decoding, range checks, `--help` and docs/reference.
namespace lathe::config {

/// Bounds a number: [low, high], or open at an end.
struct Bounds {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_open = false;
  bool high_open = false;

  bool contains(double value) const {
    return (low_open ? value > low : value >= low) && (high_open ? value < high : value <= high);
  }
  /// Prints `at least 1`, `in (0, 1]`, `above 0`; empty without bounds.
  std::string to_string() const;
};
inline Bounds at_least(double low) { return {.low = low}; }
inline Bounds above(double low) { return {.low = low, .low_open = true}; }
inline Bounds between(double low, double high) { return {.low = low, .high = high}; }

/// Describes one key of a table. `read` checks and stores; `show` prints the present value as TOML.
template <typename Struct>
struct Field {
  std::string name;
  std::string type;         ///< integer, number, string, boolean, list of integers, ...
  std::string allowed;      ///< bounds or choices, for the documentation
  std::string description;  ///< a phrase: meaning and unit
  std::function<void(Struct&, const Value&)> read;
  std::function<std::string(const Struct&)> show;
};

/// Throws the UserError for a key that is not known, at the key's own position, with the nearest known one.
[[noreturn]] void unknown_key(const Member& member, const std::vector<std::string>& known);

namespace detail {
void check_bounds(const Value& value, double number, const Bounds& bounds);
void check_choice(const Value& value, const std::vector<std::string>& choices);
std::string quoted(const std::string& text);
/// As config::unknown_key, at the value's position.
[[noreturn]] void unknown_key(const Value& value, const std::string& name, const std::vector<std::string>& known);
/// Returns what a list holds; of a single value, the value; of text on the command line, its parts between commas, as
/// numbers where wanted.
std::vector<Value> elements(const Value& value, bool numbers);
std::string choices_text(const std::vector<std::string>& choices);

template <typename T>
T convert(const Value& value, const Bounds& bounds) {
  if constexpr (std::is_same_v<T, bool>) {
    return value.as_boolean();
  } else if constexpr (std::is_integral_v<T>) {
    const std::int64_t number = value.as_integer();
    check_bounds(value, static_cast<double>(number), bounds);
    check_bounds(value, static_cast<double>(number),
                 between(static_cast<double>(std::numeric_limits<T>::min()),
                         static_cast<double>(std::numeric_limits<T>::max())));
    return static_cast<T>(number);
  } else if constexpr (std::is_floating_point_v<T>) {
    const double number = value.as_number();
    check_bounds(value, number, bounds);
    return static_cast<T>(number);
  } else {
    return T(value.as_string());
  }
}
template <typename T>
const char* type_name() {
  if constexpr (std::is_same_v<T, bool>)
    return "boolean";
  else if constexpr (std::is_integral_v<T>)
    return "integer";
  else if constexpr (std::is_floating_point_v<T>)
    return "number";
  else
    return "string";
}
template <typename T>
std::string show_toml(const T& value) {
  if constexpr (std::is_same_v<T, bool>)
    return value ? "true" : "false";
  else if constexpr (std::is_arithmetic_v<T>)
    return fmt::format("{}", value);
  else
    return quoted(value);
}
}  // namespace detail

/// Describes a boolean, number or string member.
template <typename Struct, typename T>
Field<Struct> field(std::string name, T Struct::*member, std::string description, Bounds bounds = {}) {
  return {std::move(name),
          detail::type_name<T>(),
          bounds.to_string(),
          std::move(description),
          [member, bounds](Struct& out, const Value& value) { out.*member = detail::convert<T>(value, bounds); },
          [member](const Struct& in) { return detail::show_toml(in.*member); }};
}

/// Describes an optional member; "NA" clears it.
template <typename Struct, typename T>
Field<Struct> field(std::string name, std::optional<T> Struct::*member, std::string description, Bounds bounds = {}) {
  return {
      std::move(name),
      detail::type_name<T>(),
      bounds.to_string(),
      std::move(description),
      [member, bounds](Struct& out, const Value& value) {
        if (value.is_na())
          out.*member = std::nullopt;
        else
          out.*member = detail::convert<T>(value, bounds);
      },
      [member](const Struct& in) { return (in.*member) ? detail::show_toml(*(in.*member)) : std::string("\"NA\""); }};
}

/// Describes a string member with a fixed list of choices.
template <typename Struct>
Field<Struct> choice_field(std::string name, std::string Struct::*member, std::vector<std::string> choices,
                           std::string description) {
  std::string allowed = detail::choices_text(choices);
  return {std::move(name),
          "string",
          std::move(allowed),
          std::move(description),
          [member, choices = std::move(choices)](Struct& out, const Value& value) {
            detail::check_choice(value, choices);
            out.*member = value.as_string();
          },
          [member](const Struct& in) { return detail::quoted(in.*member); }};
}

/// Describes a list of numbers or strings. A single one stands for a list of one; text from the command line may hold
/// several with commas between them.
template <typename Struct, typename T>
Field<Struct> list_field(std::string name, std::vector<T> Struct::*member, std::string description,
                         Bounds bounds = {}) {
  return {std::move(name),
          std::string("list of ") + detail::type_name<T>() + "s",
          bounds.to_string(),
          std::move(description),
          [member, bounds](Struct& out, const Value& value) {
            (out.*member).clear();
            for (const Value& element : detail::elements(value, std::is_arithmetic_v<T>)) {
              (out.*member).push_back(detail::convert<T>(element, bounds));
            }
          },
          [member](const Struct& in) {
            std::string text;
            for (const T& element : in.*member) text += (text.empty() ? "" : ", ") + detail::show_toml(element);
            return "[" + text + "]";
          }};
}

/// Reads every member of `table` into `out`. A key that no field names is a UserError with the nearest known one.
template <typename Struct>
void decode(const Value& table, const std::vector<Field<Struct>>& fields, Struct& out) {
  for (const Member& member : table.as_table()) {
    bool known = false;
    for (const Field<Struct>& candidate : fields) {
      if (candidate.name != member.name) continue;
      candidate.read(out, member.value);
      known = true;
    }
    if (!known) {
      std::vector<std::string> names;
      for (const Field<Struct>& candidate : fields) names.push_back(candidate.name);
      unknown_key(member, names);
    }
  }
}

}  // namespace lathe::config
