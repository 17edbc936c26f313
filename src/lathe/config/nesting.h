#pragma once

#include <optional>
#include <string_view>

namespace lathe::config {

/// The most levels of tables and lists that a document may nest. Whoever walks a document recurses level by level.
inline constexpr int kMostLevels = 100;

/// Holds a place in a document, from 1.
struct TextPlace {
  int line = 1, column = 1;
};

/// Finds where a TOML document nests deeper than kMostLevels: by the parts of headers and dotted keys, inline tables
/// and lists. Looks at keys, brackets and quotes alone: what else is wrong is for the parser.
std::optional<TextPlace> find_too_deep(std::string_view text);

}  // namespace lathe::config
