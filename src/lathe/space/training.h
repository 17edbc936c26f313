#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lathe/config/value.h"
#include "lathe/engine/train.h"
#include "lathe/space/conditions.h"
#include "lathe/space/leaf.h"

/// The hyperparameters of training as decisions: `[search.search_space.training]`.
namespace lathe::space {

/// Holds the chosen hyperparameters by name, in the order of the file; what is not here the runner decides.
using TrainingChoices = std::vector<std::pair<std::string, Scalar>>;

/// Lists the names that the table may have, those of the searchable recipe::training_settings.
const std::vector<std::string>& training_keys();

/// Reads the table: one leaf of the node kTraining per key, lists before tables. Settings that are numbers, not
/// integers, are real however their ends are written. Throws UserError with
/// position: unknown keys (nearest shown), values out of range or of the wrong type, and what read_domain refuses.
std::vector<Leaf> read_training_leaves(const config::Value& table);

/// Refuses what some optimisers do not read (momentum) where training/optimizer is a decision and may be one of those.
void check_unread(const std::vector<Leaf>& leaves, const Decisions& decisions);

/// Puts the choices into the settings; NA leaves a setting alone. Throws UserError when they contradict each other
/// (nesterov without momentum), InternalError for what read_training_leaves would have refused.
void apply_training(const TrainingChoices& choices, engine::TrainSettings& settings);

}  // namespace lathe::space
