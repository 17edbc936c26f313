#include "lathe/study/loss_keys.h"

#include "lathe/base/error.h"

namespace lathe::study {
namespace {

template <typename Problem>
void refuse(const std::optional<Problem>& problem, const config::Settings& settings) {
  if (!problem) return;
  const auto position = settings.given.find(problem->key);
  if (position == settings.given.end()) throw UserError(problem->key, problem->message);
  throw UserError(position->second, problem->key, problem->message);
}

}  // namespace

data::Task task_of(const config::Settings& settings) {
  const bool regression = settings.task == "regression" || settings.task == "reg";
  return regression ? data::Task::kRegression : data::Task::kClassification;
}

bool models_language(const config::Settings& settings) {
  return settings.task == "language_modeling" || settings.task == "lm";
}

engine::LossSettings LossKeys::settings(data::Task task) const {
  const engine::LossDeclaration* declaration = engine::find_loss(name);
  engine::LossSettings loss{.name = declaration != nullptr ? declaration->name : name,
                            .label_smoothing = label_smoothing,
                            .class_weights = class_weights,
                            .delta = huber_delta};
  if (name == "auto") loss.name = engine::default_loss(task);
  return loss;
}

LossKeys loss_keys(const config::Settings& settings) {
  return {.name = settings.loss,
          .label_smoothing = settings.label_smoothing,
          .class_weights = settings.class_weights,
          .huber_delta = settings.huber_delta};
}

engine::LossSettings read_loss(const config::Settings& settings) {
  engine::LossSettings loss = loss_keys(settings).settings(task_of(settings));
  refuse(engine::find_problem(loss, task_of(settings)), settings);
  return loss;
}

void check_loss(const engine::LossSettings& loss, const data::Dataset& dataset, const config::Settings& settings) {
  refuse(engine::find_problem(loss, dataset), settings);
}

void check_augmentation(const engine::TrainSettings& recipe, const data::Dataset& dataset,
                        const config::Settings& settings) {
  refuse(data::find_problem(recipe.augmentation, dataset.train.row_shape()), settings);
}

}  // namespace lathe::study
