#pragma once

#include "lathe/recipe/settings.h"

/// What the general settings say of learning, checked.
namespace lathe::recipe {

/// Returns the task of the settings.
data::Task task_of(const Settings& settings);

/// Tells whether the task is language modelling: a classification of every token of a text by the next one.
bool models_language(const Settings& settings);

/// Makes the recipe of `lathe train`: the loss of the task, and what the optimiser reads. Warns of momenta that were
/// chosen for nothing. Throws as read_loss.
engine::TrainSettings training_of(const Settings& settings);

/// Makes the loss of the general settings. Throws UserError with the position of the key that does not fit.
engine::LossSettings read_loss(const Settings& settings);

/// Checks that a loss fits a data set (see find_problem). Throws UserError with the position of the key where the
/// general settings have it.
void check_loss(const engine::LossSettings& loss, const data::Dataset& dataset, const Settings& settings);

/// Checks that the rows of a data set can be changed as the recipe says. Throws UserError like check_loss.
void check_augmentation(const engine::TrainSettings& recipe, const data::Dataset& dataset, const Settings& settings);

/// Warns of a key that somebody chose and that changes nothing in this run.
void warn_of_idle_key(const Settings& settings, const std::string& key, const std::string& reason);

}  // namespace lathe::recipe
