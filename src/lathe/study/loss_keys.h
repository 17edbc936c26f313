#pragma once

#include "lathe/config/settings.h"
#include "lathe/engine/train.h"

/// The keys of the general settings that say what is learned and minimised.
namespace lathe::study {

/// Returns the task of the settings.
data::Task task_of(const config::Settings& settings);

/// Tells whether the task is language modelling: a classification of every token of a text by the next one.
bool models_language(const config::Settings& settings);

/// Holds the keys of a loss as they are written; `name` may be `auto` or an alias.
struct LossKeys {
  std::string name = "auto";
  double label_smoothing = 0;
  std::vector<double> class_weights = {};
  double huber_delta = 1;

  /// Makes the loss: the usual one of the task for `auto`, the name that all spellings share otherwise.
  engine::LossSettings settings(data::Task task) const;
};

/// Returns the keys of the general settings.
LossKeys loss_keys(const config::Settings& settings);

/// Makes the loss of the general settings. Throws UserError with the position of the key that does not fit.
engine::LossSettings read_loss(const config::Settings& settings);

/// Checks that a loss fits a data set (see find_problem). Throws UserError with the position of the key where the
/// general settings have it.
void check_loss(const engine::LossSettings& loss, const data::Dataset& dataset, const config::Settings& settings);

/// Checks that the rows of a data set can be changed as the recipe says. Throws UserError like check_loss.
void check_augmentation(const engine::TrainSettings& recipe, const data::Dataset& dataset,
                        const config::Settings& settings);

}  // namespace lathe::study
