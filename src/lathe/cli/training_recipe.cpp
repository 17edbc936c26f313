#include "lathe/cli/training_recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "lathe/cli/inputs.h"
#include "lathe/study/loss_keys.h"

namespace lathe::cli {
namespace {

using engine::TrainSettings;

/// Describes one setting of a recipe.
struct Entry {
  std::string name;  ///< in basic_train and in the choices of a trial
  std::string key;   ///< the general setting that replaces it; empty: none
  std::string (*text)(const TrainSettings&);
  void (*copy)(const TrainSettings& from, TrainSettings& to);
};

std::string text_of(bool value) { return value ? "true" : "false"; }

std::string text_of(const std::optional<std::int64_t>& value) { return value ? fmt::format("{}", *value) : "-"; }

bool is_sgd(const TrainSettings& settings) { return settings.optimizer.kind == engine::OptimizerKind::kSgd; }

const std::vector<Entry>& entries() {
  using S = const TrainSettings&;
  using T = TrainSettings&;
  static const std::vector<Entry> list = {
      {"optimizer", "training_optimizer", [](S s) { return engine::to_string(s.optimizer.kind); },
       [](S from, T to) { to.optimizer.kind = from.optimizer.kind; }},
      {"learning_rate", "learning_rate", [](S s) { return fmt::format("{}", s.learning_rate); },
       [](S from, T to) { to.learning_rate = from.learning_rate; }},
      {"lr_scheduler", "lr_scheduler", [](S s) { return engine::to_string(s.schedule); },
       [](S from, T to) { to.schedule = from.schedule; }},
      {"eta_min", "eta_min", [](S s) { return fmt::format("{}", s.minimum_learning_rate); },
       [](S from, T to) { to.minimum_learning_rate = from.minimum_learning_rate; }},
      {"num_warmup_steps", "num_warmup_steps", [](S s) { return fmt::format("{}", s.warmup_steps); },
       [](S from, T to) { to.warmup_steps = from.warmup_steps; }},
      {"batch_size", "batch_size", [](S s) { return fmt::format("{}", s.batch_size); },
       [](S from, T to) { to.batch_size = from.batch_size; }},
      {"max_epochs", "max_epochs",
       [](S s) {
         const bool endless = s.max_epochs >= std::numeric_limits<std::int32_t>::max();
         return endless ? std::string("-") : fmt::format("{}", s.max_epochs);
       },
       [](S from, T to) {
         to.max_epochs = from.max_epochs;
         to.num_samples.reset();
       }},
      {"max_steps", "max_steps", [](S s) { return text_of(s.max_steps); },
       [](S from, T to) {
         to.max_steps = from.max_steps;
         to.num_samples.reset();
       }},
      {"num_samples", "", [](S s) { return text_of(s.num_samples); }, nullptr},
      {"gradient_accumulation_steps", "accumulate_grad_batches",
       [](S s) { return fmt::format("{}", s.accumulate_grad_batches); },
       [](S from, T to) { to.accumulate_grad_batches = from.accumulate_grad_batches; }},
      {"weight_decay", "weight_decay", [](S s) { return fmt::format("{}", s.optimizer.weight_decay); },
       [](S from, T to) { to.optimizer.weight_decay = from.optimizer.weight_decay; }},
      {"momentum", "momentum",
       [](S s) { return is_sgd(s) ? fmt::format("{}", s.optimizer.momentum) : std::string("-"); },
       [](S from, T to) { to.optimizer.momentum = from.optimizer.momentum; }},
      {"nesterov", "nesterov", [](S s) { return is_sgd(s) ? text_of(s.optimizer.nesterov) : std::string("-"); },
       [](S from, T to) { to.optimizer.nesterov = from.optimizer.nesterov; }},
      {"l1", "l1", [](S s) { return fmt::format("{}", s.optimizer.l1); },
       [](S from, T to) { to.optimizer.l1 = from.optimizer.l1; }},
      {"l2", "l2", [](S s) { return fmt::format("{}", s.optimizer.l2); },
       [](S from, T to) { to.optimizer.l2 = from.optimizer.l2; }},
      {"loss", "loss", [](S s) { return s.loss.name; }, [](S from, T to) { to.loss.name = from.loss.name; }},
      {"label_smoothing", "label_smoothing", [](S s) { return fmt::format("{}", s.loss.label_smoothing); },
       [](S from, T to) { to.loss.label_smoothing = from.loss.label_smoothing; }},
      {"class_weights", "class_weights", [](S s) { return std::string(s.loss.class_weights.empty() ? "-" : "given"); },
       [](S from, T to) { to.loss.class_weights = from.loss.class_weights; }},
      {"huber_delta", "huber_delta", [](S s) { return fmt::format("{}", s.loss.delta); },
       [](S from, T to) { to.loss.delta = from.loss.delta; }},
      {"random_crop", "random_crop", [](S s) { return fmt::format("{}", s.augmentation.random_crop); },
       [](S from, T to) { to.augmentation.random_crop = from.augmentation.random_crop; }},
      {"horizontal_flip", "horizontal_flip", [](S s) { return text_of(s.augmentation.horizontal_flip); },
       [](S from, T to) { to.augmentation.horizontal_flip = from.augmentation.horizontal_flip; }},
      {"cutout", "cutout", [](S s) { return fmt::format("{}", s.augmentation.cutout); },
       [](S from, T to) { to.augmentation.cutout = from.augmentation.cutout; }}};
  return list;
}

bool is_typed(const Entry& entry, const config::Settings& typed) {
  return !entry.key.empty() && typed.source_of(entry.key) == config::kCommandLine;
}

}  // namespace

bool is_recipe_key(const std::string& key) {
  return std::any_of(entries().begin(), entries().end(), [&](const Entry& entry) { return entry.key == key; });
}

void put_typed_recipe(const config::Settings& typed, TrainSettings& recipe) {
  TrainSettings given = train_settings(typed);
  given.minimum_learning_rate = typed.eta_min;  // which the rate of the recipe bounds, not that of the settings
  const bool was_sgd = is_sgd(recipe);
  for (const Entry& entry : entries()) {
    if (is_typed(entry, typed)) entry.copy(given, recipe);
  }
  recipe.minimum_learning_rate = std::min(recipe.minimum_learning_rate, recipe.learning_rate);
  if (!was_sgd && is_sgd(recipe)) {  // momentum and nesterov are of sgd alone: the study has none
    recipe.optimizer.momentum = given.optimizer.momentum;
    recipe.optimizer.nesterov = given.optimizer.nesterov;
  }
}

std::vector<RecipeLine> recipe_lines(const TrainSettings& recipe, const space::TrainingChoices& chosen,
                                     const config::Settings& typed, std::int64_t trial) {
  std::vector<RecipeLine> lines;
  for (const Entry& entry : entries()) {
    const bool is_chosen =
        std::any_of(chosen.begin(), chosen.end(), [&](const auto& choice) { return choice.first == entry.name; });
    lines.push_back({entry.name, entry.text(recipe),
                     is_typed(entry, typed) ? std::string(config::kCommandLine)
                     : is_chosen            ? fmt::format("trial {}", trial)
                                            : std::string("study")});
  }
  return lines;
}

std::string recipe_table(const std::vector<RecipeLine>& lines, const report::TableStyle& style) {
  report::Table table({{.title = "Name", .narrowest = 0}, {.title = "Effective"}, {.title = "Source"}});
  for (const RecipeLine& line : lines) table.add_row({line.name, line.value, line.source});
  return table.to_string(style);
}

nlohmann::ordered_json recipe_json(const std::vector<RecipeLine>& lines) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const RecipeLine& line : lines) json[line.name] = {{"value", line.value}, {"source", line.source}};
  return json;
}

}  // namespace lathe::cli
