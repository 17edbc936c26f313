#include "lathe/recipe/study_text.h"

#include <fmt/format.h>

namespace lathe::recipe {
namespace {

std::string formula_text(const std::optional<metric::Expression>& expression) {
  return expression ? fmt::format(" ({})", expression->text()) : "";
}

std::string options_text(const std::string& name, const std::optional<config::Value>& options) {
  return options ? fmt::format("{} {}", name, options->to_toml()) : name;
}

}  // namespace

std::string sampler_text(const StudySettings& settings) {
  return options_text(settings.sampler, settings.sampler_options);
}

std::string objectives_text(const StudySettings& settings) {
  std::string text;
  for (const Objective& objective : settings.objectives) {
    text += fmt::format("{}{}{} x {}", text.empty() ? "" : ", ", objective.name, formula_text(objective.expression),
                        objective.scale);
  }
  std::string directions;
  for (const Direction direction : settings.directions) directions += " " + to_string(direction);
  return text + directions;
}

std::string constraints_text(const StudySettings& settings) {
  std::string text;
  for (const Constraint& constraint : settings.constraints) {
    text += text.empty() ? constraint.name : ", " + constraint.name;
    text += formula_text(constraint.expression);
    if (constraint.min) text += fmt::format(" >= {}", *constraint.min);
    if (constraint.max) text += fmt::format(" <= {}", *constraint.max);
  }
  return text;
}

std::string pruner_text(const StudySettings& settings) {
  if (!settings.pruner) return "none";
  constexpr const char* kUnits[]{"epochs", "samples", "seconds"};
  const PrunerChoice& pruner = *settings.pruner;
  return fmt::format("{} every {} {}", options_text(pruner.name, pruner.options), pruner.interval,
                     kUnits[static_cast<std::size_t>(pruner.resource)]);
}

std::string judging_text(const StudySettings& settings) {
  return objectives_text(settings) + "; " + pruner_text(settings);
}

}  // namespace lathe::recipe
