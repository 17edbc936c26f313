#include "lathe/app/training_recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lathe/recipe/checks.h"

namespace lathe::app {
namespace {

using engine::TrainSettings;
using recipe::TrainingSetting;

bool belongs(const TrainingSetting& setting) { return setting.in_runner; }

bool is_typed(const TrainingSetting& setting, const recipe::Settings& typed) {
  return !setting.general.empty() && typed.source_of(setting.general) == config::kCommandLine;
}

// Prints a value without quotes, and a dash where it limits nothing or is not read.
std::string text_of(const TrainingSetting& setting, const TrainSettings& settings) {
  if (!engine::optimizer_named(settings.optimizer.name).reads(setting.name())) return "-";
  std::string text = setting.field.show(settings);
  const bool endless = setting.name() == "max_epochs" && settings.max_epochs >= recipe::kNoEpochLimit;
  if (text == "[]" || endless || (setting.lift && text == "-1")) return "-";
  return setting.field.type == "string" ? text.substr(1, text.size() - 2) : text;
}

}  // namespace

bool is_recipe_key(const std::string& key) {
  const auto& settings = recipe::training_settings();
  return std::any_of(settings.begin(), settings.end(),
                     [&](const TrainingSetting& setting) { return belongs(setting) && setting.general == key; });
}

void put_typed_recipe(const recipe::Settings& typed, TrainSettings& recipe) {
  TrainSettings given = recipe::training_of(typed);
  given.minimum_learning_rate = typed.training.minimum_learning_rate;  // the rate of the recipe bounds it below
  const std::string before = recipe.optimizer.name;
  for (const TrainingSetting& setting : recipe::training_settings()) {
    if (!belongs(setting) || !is_typed(setting, typed)) continue;
    setting.copy(given, recipe);
    if (setting.lift) recipe.num_samples.reset();
  }
  recipe.minimum_learning_rate = std::min(recipe.minimum_learning_rate, recipe.learning_rate);
  for (const TrainingSetting& setting : recipe::training_settings()) {  // the study has none of what it did not read
    const bool was_read = engine::optimizer_named(before).reads(setting.name());
    if (!was_read && engine::optimizer_named(recipe.optimizer.name).reads(setting.name())) setting.copy(given, recipe);
  }
}

std::vector<RecipeLine> recipe_lines(const TrainSettings& recipe, const space::TrainingChoices& chosen,
                                     const recipe::Settings& typed, std::int64_t trial) {
  std::vector<RecipeLine> lines;
  for (const TrainingSetting& setting : recipe::training_settings()) {
    if (!belongs(setting)) continue;
    const bool is_chosen =
        std::any_of(chosen.begin(), chosen.end(), [&](const auto& choice) { return choice.first == setting.name(); });
    lines.push_back({setting.name(), text_of(setting, recipe),
                     is_typed(setting, typed) ? std::string(config::kCommandLine)
                     : is_chosen              ? fmt::format("trial {}", trial)
                                              : std::string("study")});
  }
  return lines;
}

nlohmann::ordered_json recipe_json(const std::vector<RecipeLine>& lines) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const RecipeLine& line : lines) json[line.name] = {{"value", line.value}, {"source", line.source}};
  return json;
}

}  // namespace lathe::app
