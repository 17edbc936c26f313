#pragma once

#include <cstdint>
#include <memory>

#include "lathe/trial/evaluate.h"

namespace lathe::trial {

/// Holds what trains a candidate outside of a study just as one of its trials does.
struct TrialRecipe {
  engine::TrainSettings settings;
  engine::RunIdentity identity;
  engine::State start;                           ///< the weights that it begins from
  std::shared_ptr<const data::Dataset> dataset;  ///< its training rows are those that the study trains on
  std::int64_t evaluation_batch = 1;             ///< rows of a batch of evaluation
};

/// Returns how a seed of a candidate is trained. Of studies that train nothing the settings are `otherwise`.
TrialRecipe recipe_of(const Evaluator& evaluator, const Prepared& prepared, std::uint64_t repeat,
                      const engine::TrainSettings& otherwise);

}  // namespace lathe::trial
