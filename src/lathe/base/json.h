#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "lathe/base/error.h"

/// JSON texts from outside. Every one that the program reads goes through here: the library's own parser takes
/// documents that end the stack or the memory later, and its exceptions are no lathe::Error. Included by sources only.
namespace lathe {

/// Limits of a JSON text: bytes, objects and lists within each other, members of one object.
constexpr std::size_t kMostJsonBytes = std::size_t{1} << 30;
constexpr std::size_t kDeepestJson = 256;
constexpr std::size_t kMostJsonMembers = 100'000;

/// Says why a text is beyond the limits above; empty where it is not. Whether it is JSON at all is not looked at.
std::string json_limit_broken(std::string_view text);

/// Reads a whole JSON document. Throws DataError `PLACE: is no JSON (...)` where it breaks off or goes wrong (with the
/// byte), holds a number beyond double or is beyond the limits. `Json` is nlohmann::json or nlohmann::ordered_json.
template <typename Json>
Json parse_json(std::string_view text, const std::string& place);

/// Reads a text that may be anything, as other programs' attributes are: discarded where parse_json would throw.
template <typename Json>
Json json_or_discarded(std::string_view text);

/// Prints a document; what is no UTF-8 in texts from outside (paths, names) becomes U+FFFD. `indent` -1: one line.
template <typename Json>
std::string dump_json(const Json& json, int indent = -1);

/// Returns the length of the first object or list of a text that goes on behind it; 0 where it begins with neither.
std::size_t json_prefix_size(std::string_view text);

/// Runs `read` and turns what the JSON library throws meanwhile (a member absent or of another kind) into DataError,
/// and puts `place` in front of every DataError.
void with_json_errors(const std::string& place, const std::function<void()>& read);

template <typename T>
constexpr bool kIsList = false;
template <typename T>
constexpr bool kIsList<std::vector<T>> = true;

/// Reads a value of the kind T: bool, std::string, a whole number within T's range, double, or a list of those.
/// Throws DataError that says what is there instead.
template <typename T, typename Json>
T json_value(const Json& value) {
  const auto refuse = [&](const char* wanted) {
    std::string shown = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (shown.size() > 60) shown = shown.substr(0, 57) + "...";
    throw DataError(shown + " is " + wanted);
  };
  if constexpr (std::same_as<T, bool>) {
    if (!value.is_boolean()) refuse("neither true nor false");
    return value.template get<bool>();
  } else if constexpr (std::integral<T>) {
    if (value.is_number_unsigned()) {
      const auto number = value.template get<std::uint64_t>();
      if (std::in_range<T>(number)) return static_cast<T>(number);
    } else if (value.is_number_integer()) {
      const auto number = value.template get<std::int64_t>();
      if (std::in_range<T>(number)) return static_cast<T>(number);
    } else if (value.is_number_float()) {
      constexpr double kExact = 9007199254740992;  // 2^53
      const auto number = value.template get<double>();
      const bool whole = std::abs(number) <= kExact && number == std::floor(number);
      if (whole && std::in_range<T>(static_cast<std::int64_t>(number))) return static_cast<T>(number);
    }
    refuse(std::is_signed_v<T> ? "no whole number of this size" : "no whole number from 0 of this size");
    return {};
  } else if constexpr (std::floating_point<T>) {
    if (!value.is_number()) refuse("no number");
    return value.template get<T>();
  } else if constexpr (kIsList<T>) {
    if (!value.is_array()) refuse("no list");
    T list;
    for (const Json& element : value) list.push_back(json_value<typename T::value_type>(element));
    return list;
  } else {
    static_assert(std::same_as<T, std::string>);
    if (!value.is_string()) refuse("no text");
    return value.template get<std::string>();
  }
}

/// Returns a member of an object. Throws DataError that names it where it is absent.
template <typename Json>
const Json& json_at(const Json& object, const std::string& name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  if (found == object.end()) throw DataError(name, "is missing");
  return *found;
}

/// Reads a member of an object as json_value does. Throws DataError that names it.
template <typename T, typename Json>
T json_member(const Json& object, const std::string& name) {
  const Json& value = json_at(object, name);
  try {
    return json_value<T>(value);
  } catch (const DataError& error) {
    throw DataError(name, error.what());
  }
}

/// The same for a member that may be absent, null or of another kind: `otherwise` stands for it then.
template <typename T, typename Json>
T json_member_or(const Json& object, const std::string& name, T otherwise) {
  try {
    return json_member<T>(object, name);
  } catch (const DataError&) {
    return otherwise;
  }
}

extern template nlohmann::json parse_json(std::string_view, const std::string&);
extern template nlohmann::ordered_json parse_json(std::string_view, const std::string&);
extern template std::string dump_json(const nlohmann::json&, int);
extern template std::string dump_json(const nlohmann::ordered_json&, int);
extern template nlohmann::json json_or_discarded(std::string_view);
extern template nlohmann::ordered_json json_or_discarded(std::string_view);

}  // namespace lathe
