#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lathe/config/field.h"
#include "lathe/pruner/pruner.h"
#include "lathe/sampler/options.h"

namespace lathe::pruner {

using sampler::describe;

/// Reads a pruner's keys of `[search.strategy.pruner]`. Throws UserError with position.
template <typename Options>
Options read_options(const PrunerSettings& settings, const std::vector<config::Field<Options>>& fields) {
  Options options;
  if (settings.options != nullptr) config::decode(*settings.options, fields, options);
  return options;
}

/// Describes an amount of the resource that is at least 1, or "auto" (nullopt).
template <typename Options>
config::Field<Options> amount_field(std::string name, std::optional<std::int64_t> Options::*member,
                                    std::string description) {
  return {std::move(name),
          "integer or \"auto\"",
          "at least 1",
          std::move(description),
          [member](Options& out, const config::Value& value) {
            if (value.is_string() && value.as_string() == "auto") {
              out.*member = std::nullopt;
              return;
            }
            if (value.is_string()) value.fail("expected an integer or \"auto\"; got \"" + value.as_string() + "\"");
            config::detail::check_bounds(value, static_cast<double>(value.as_integer()), config::at_least(1));
            out.*member = value.as_integer();
          },
          [member](const Options& in) { return in.*member ? std::to_string(*(in.*member)) : std::string("\"auto\""); }};
}

/// Returns 1 for a maximised objective and -1 for a minimised one: value * sign is better where it is larger.
inline double sign_of(Direction direction) { return direction == Direction::kMaximize ? 1 : -1; }

}  // namespace lathe::pruner
