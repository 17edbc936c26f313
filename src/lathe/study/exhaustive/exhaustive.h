#pragma once

#include <vector>

#include "lathe/recipe/study_settings.h"
#include "lathe/space/space.h"

/// What `[search.strategy.exhaustive]` sets up: no loop of its own, but sampler brute_force, pruner front and a race.
namespace lathe::study {

/// Most points of a space that an exhaustive search trains.
inline constexpr std::int64_t kMostExhaustivePoints = 10'000'000;

/// Completes the settings of an exhaustive study, whose parts depend on the size of the space: n_trials is the whole
/// space, the pruner gets its rungs (in epochs) and the number of its calibration trials. Does nothing for other
/// studies. Throws UserError with position for continuous and uncountable spaces, an n_trials below the size of the
/// space, and a calibration too small to bound anything.
void fit_to_space(recipe::StudySettings& settings, const space::SearchSpace& space);

}  // namespace lathe::study
