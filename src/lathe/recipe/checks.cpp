#include "lathe/recipe/checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/log.h"

namespace lathe::recipe {
namespace {

void refuse(const std::optional<SettingProblem>& problem, const Settings& settings) {
  if (!problem) return;
  const auto position = settings.given.find(problem->key);
  if (position == settings.given.end()) throw UserError(problem->key, problem->message);
  throw UserError(position->second, problem->key, problem->message);
}

// What belongs to other rules; Nesterov's form needs a momentum.
void warn_of_unread(const Settings& settings) {
  const engine::OptimizerSettings& optimizer = settings.training.optimizer;
  const engine::OptimizerDeclaration& rule = engine::optimizer_named(optimizer.name);
  for (const TrainingSetting& setting : training_settings()) {
    if (rule.reads(setting.name())) continue;
    warn_of_idle_key(settings, setting.general,
                     fmt::format("training_optimizer is {}, and it belongs to {}", rule.name, owners(setting.name())));
  }
  if (rule.reads("nesterov") && optimizer.nesterov && optimizer.momentum == 0)
    warn_of_idle_key(settings, "nesterov", "momentum is 0");
}

}  // namespace

data::Task task_of(const Settings& settings) {
  const bool regression = settings.task == "regression" || settings.task == "reg";
  return regression ? data::Task::kRegression : data::Task::kClassification;
}

bool models_language(const Settings& settings) { return settings.task == "language_modeling" || settings.task == "lm"; }

engine::TrainSettings training_of(const Settings& settings) {
  warn_of_unread(settings);
  engine::TrainSettings training = settings.training;
  training.loss = read_loss(settings);
  drop_unread(training);
  training.optimizer.nesterov = training.optimizer.nesterov && training.optimizer.momentum > 0;
  training.minimum_learning_rate = std::min(training.minimum_learning_rate, training.learning_rate);
  return training;
}

engine::LossSettings read_loss(const Settings& settings) {
  engine::LossSettings loss = engine::resolved(settings.training.loss, task_of(settings));
  refuse(engine::find_problem(loss, task_of(settings)), settings);
  return loss;
}

void check_loss(const engine::LossSettings& loss, const data::Dataset& dataset, const Settings& settings) {
  refuse(engine::find_problem(loss, dataset), settings);
}

void check_augmentation(const engine::TrainSettings& recipe, const data::Dataset& dataset, const Settings& settings) {
  refuse(data::find_problem(recipe.augmentation, dataset.train.row_shape()), settings);
}

void warn_of_idle_key(const Settings& settings, const std::string& key, const std::string& reason) {
  if (settings.was_chosen(key)) log::warning("{}: {}: has no effect, because {}", settings.source_of(key), key, reason);
}

}  // namespace lathe::recipe
