#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "lathe/quant/format.h"

/// Formats of every registered kind, for the suites that walk the list.
namespace lathe::quant {

/// Makes formats of a kind: its obligatory integers are 4 and 8, as near as their ranges allow; the others are left to
/// their defaults.
inline std::vector<Format> example_formats(const FormatKind& kind) {
  std::vector<Format> formats;
  for (const double wanted : {4.0, 8.0}) {
    std::vector<GivenOption> given;
    for (const FormatOptionDeclaration& option : kind.options) {
      if (option.default_value || option.optional) continue;
      if (option.type == OptionType::kName)
        given.push_back({option.name, option.names.front()});
      else
        given.push_back({option.name, static_cast<std::int64_t>(std::clamp(wanted, option.low, option.high))});
    }
    formats.push_back(make_format(kind.name, given));
  }
  return formats;
}

/// Returns the formats above of all kinds.
inline std::vector<Format> example_formats() {
  std::vector<Format> all;
  for (const FormatKind& kind : format_kinds())
    for (Format& format : example_formats(kind)) all.push_back(std::move(format));
  return all;
}

}  // namespace lathe::quant
