#pragma once

#include <map>
#include <string>

#include "lathe/config/value.h"
#include "lathe/recipe/settings.h"

/// How the general settings of training reach a search: a trial's own choice ([search.search_space.training]) goes
/// before [search.strategy.sw_runner.basic_train], and that before the general key.
namespace lathe::recipe {

/// Returns a study file in which the general keys of training that somebody chose (see Settings::was_chosen), and whose
/// defaults are not those of a search, stand in [search.strategy.sw_runner.basic_train] too, unless they stand there
/// already. Momenta are left out where no trial trains with sgd.
config::Value with_general_training(const config::Value& root, const Settings& general);

/// Tells by general key, as TOML, what the trainings of a search use in its place: of all keys that the file's search
/// decides otherwise. "searched" where each trial has its own; "NA" where nothing uses it.
std::map<std::string, std::string> effective_training(const config::Value& root, const Settings& general);

/// Warns of general keys of training that were chosen and change nothing in this search.
void warn_of_idle_training(const config::Value& root, const Settings& general);

}  // namespace lathe::recipe
