#include "lathe/base/json.h"

#include <fmt/format.h>

#include <algorithm>

namespace lathe {
namespace {

/// Walks through the brackets of a JSON text, past those in strings.
class Brackets {
 public:
  explicit Brackets(std::string_view text) : text_(text) {}

  /// Moves behind the next bracket or comma outside of strings and returns it; 0 at the end.
  char next() {
    while (position_ < text_.size()) {
      const char letter = text_[position_++];
      if (letter == '"') {
        skip_string();
      } else if (letter == '{' || letter == '[' || letter == '}' || letter == ']' || letter == ',') {
        return letter;
      }
    }
    return 0;
  }
  std::size_t position() const { return position_; }

 private:
  void skip_string() {
    for (; position_ < text_.size() && text_[position_] != '"'; ++position_) {
      if (text_[position_] == '\\') ++position_;
    }
    ++position_;
  }

  std::string_view text_;
  std::size_t position_ = 0;
};

bool opens(char letter) { return letter == '{' || letter == '['; }

}  // namespace

std::string json_limit_broken(std::string_view text) {
  if (text.size() > kMostJsonBytes) return fmt::format("{} bytes; at most {} are read", text.size(), kMostJsonBytes);
  std::vector<std::pair<bool, std::size_t>> open;  // is it an object, and how many commas it has
  Brackets brackets(text);
  while (const char letter = brackets.next()) {
    if (opens(letter)) {
      open.emplace_back(letter == '{', 0);
      if (open.size() > kDeepestJson) return fmt::format("nested deeper than {}", kDeepestJson);
    } else if (open.empty()) {
      continue;
    } else if (letter != ',') {
      open.pop_back();
    } else if (++open.back().second >= kMostJsonMembers && open.back().first) {
      return fmt::format("an object has more than {} members", kMostJsonMembers);
    }
  }
  return {};
}

template <typename Json>
Json parse_json(std::string_view text, const std::string& place) {
  const auto refuse = [&](const std::string& reason) {
    throw DataError(place, fmt::format("is no JSON ({})", reason));
  };
  if (const std::string broken = json_limit_broken(text); !broken.empty()) refuse(broken);
  try {
    return Json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    refuse(fmt::format("it breaks off or goes wrong at byte {} of {}", std::min(error.byte, text.size()), text.size()));
  } catch (const nlohmann::json::out_of_range&) {
    refuse("a number is beyond the range of double precision");
  } catch (const nlohmann::json::exception& error) {
    refuse(error.what());
  }
  return {};
}

template <typename Json>
Json json_or_discarded(std::string_view text) {
  if (!json_limit_broken(text).empty()) return Json::value_t::discarded;
  return Json::parse(text, nullptr, false);
}

template <typename Json>
std::string dump_json(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::size_t json_prefix_size(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos || !opens(text[begin])) return 0;
  std::size_t depth = 0;
  Brackets brackets(text);
  while (const char letter = brackets.next()) {
    if (opens(letter)) ++depth;
    if ((letter == '}' || letter == ']') && --depth == 0) return brackets.position();
  }
  return 0;
}

void with_json_errors(const std::string& place, const std::function<void()>& read) {
  try {
    read();
  } catch (const DataError& error) {
    throw DataError(place, error.what());
  } catch (const nlohmann::json::exception& error) {
    throw DataError(place, error.what());
  }
}

template nlohmann::json parse_json(std::string_view, const std::string&);
template nlohmann::ordered_json parse_json(std::string_view, const std::string&);
template std::string dump_json(const nlohmann::json&, int);
template std::string dump_json(const nlohmann::ordered_json&, int);
template nlohmann::json json_or_discarded(std::string_view);
template nlohmann::ordered_json json_or_discarded(std::string_view);

}  // namespace lathe
