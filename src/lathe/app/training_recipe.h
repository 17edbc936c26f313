#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "lathe/engine/train.h"
#include "lathe/recipe/settings.h"
#include "lathe/space/training.h"

/// How a trial of a study is trained, and where each setting comes from.
namespace lathe::app {

/// Tells whether a general setting belongs to the recipe of training.
bool is_recipe_key(const std::string& key);

/// Holds one setting of a recipe.
struct RecipeLine {
  std::string name;    ///< as basic_train calls it
  std::string value;   ///< that trains
  std::string source;  ///< `study`, `trial 3`, `command line`
};

/// Puts the settings that were typed on the command line over those of a trial. How long to train is one setting: a
/// typed max_epochs or max_steps replaces the study's num_samples.
void put_typed_recipe(const recipe::Settings& typed, engine::TrainSettings& recipe);

/// Lists the settings of a recipe with their sources.
std::vector<RecipeLine> recipe_lines(const engine::TrainSettings& recipe, const space::TrainingChoices& chosen,
                                     const recipe::Settings& typed, std::int64_t trial);
/// Prints them for JSON output: each with its value and its source.
nlohmann::ordered_json recipe_json(const std::vector<RecipeLine>& lines);

}  // namespace lathe::app
