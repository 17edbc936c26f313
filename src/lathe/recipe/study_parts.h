#pragma once

#include <string>

#include "lathe/recipe/study_settings.h"

/// The parts of parse_study: each reads one table of the file into the settings. Internal to the module.
namespace lathe::recipe {

struct SetupTable;

/// Throws the UserError of a key that must be there.
[[noreturn]] void missing(const config::Value& table, const std::string& key, const std::string& example);

/// Says what trials choose, so that the runner may hold what does not go with its own.
struct SearchedTraining {
  bool optimizer = false;
  bool learning_rate = false;
};
void parse_software_runners(const config::Value& runners, const Settings& general, const SearchedTraining& searched,
                            StudySettings& study);
void parse_hardware_runners(const config::Value& runners, StudySettings& study);
void parse_objectives(const config::Value& strategy, const SetupTable& setup, StudySettings& study);

/// Finds the metric of this name; throws at `value`: with the nearest one, or that it belongs to another task.
const metric::MetricKind& require_metric(const std::string& name, const config::Value& value, data::Task task);
/// Throws at `value` where a metric belongs to another task.
void check_task(const metric::MetricKind& kind, data::Task task, const config::Value& value);
/// Reads a formula; errors are placed at `value`.
metric::Expression parse_formula(const config::Value& value);

/// Read `[search.strategy.pruner]`, `.constraints` and `.racing`, after the objectives and the runners.
void parse_pruner(const config::Value& table, StudySettings& study);
void parse_constraints(const config::Value& table, StudySettings& study);
void parse_racing(const config::Value& table, StudySettings& study);
/// Reads `[search.strategy.exhaustive]` after all other tables of the strategy.
void parse_exhaustive(const config::Value& table, const config::Value& strategy, StudySettings& study);

}  // namespace lathe::recipe
