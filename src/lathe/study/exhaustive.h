#pragma once

#include <vector>

#include "lathe/space/space.h"
#include "lathe/study/settings.h"

/// What `[search.strategy.exhaustive]` sets up: no loop of its own, but sampler brute_force, pruner front and a race.
namespace lathe::study {

/// Most points of a space that an exhaustive search trains.
inline constexpr std::int64_t kMostExhaustivePoints = 10'000'000;

/// Completes the settings of an exhaustive study, whose parts depend on the size of the space: n_trials is the whole
/// space, the pruner gets its rungs (in epochs) and the number of its calibration trials. Does nothing for other
/// studies. Throws UserError with position for continuous and uncountable spaces, an n_trials below the size of the
/// space, and a calibration too small to bound anything.
void fit_to_space(StudySettings& settings, const space::SearchSpace& space);

/// Tells for each value that samplers and pruners see whether the network alone decides it.
std::vector<bool> known_before_training(const StudySettings& settings);

}  // namespace lathe::study
