#pragma once

#include <filesystem>
#include <memory>

#include "lathe/trial/evaluate.h"

namespace lathe::trial {

/// Trains the base network of a study with the study's own recipe (seed 0, weights by the seed), which
/// weights = "inherit" and "net2wider" begin from where none were loaded. `folder` keeps them under the key of that
/// training, so that a search that goes on, and further searches of the project, do not train them again; empty: they
/// are not kept. Null when `stop` was requested. Throws UserError where the training does not end well.
std::shared_ptr<const engine::State> train_base_weights(Evaluator& evaluator, const std::filesystem::path& folder,
                                                        const engine::StopToken& stop);

}  // namespace lathe::trial
