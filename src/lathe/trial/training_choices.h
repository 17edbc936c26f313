#pragma once

#include <cstdint>

#include "lathe/recipe/study_settings.h"
#include "lathe/space/space.h"

/// Checks the hyperparameters of a space against the runner that trains its candidates.
namespace lathe::trial {

/// Checks that the study can train as `[search.search_space.training]` asks: it trains at all, momentum and nesterov
/// meet sgd, and batches of every size work with the network. `train_rows` are the rows that are trained on. Throws
/// UserError with position. A space without hyperparameters is always fine.
void check_training_choices(const recipe::StudySettings& settings, const space::SearchSpace& space,
                            std::int64_t train_rows);

}  // namespace lathe::trial
