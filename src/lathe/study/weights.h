#pragma once

#include <cstdint>
#include <functional>

#include "lathe/study/loop.h"

namespace lathe::study {

/// Evaluates those of the trials to be kept (trials_to_keep) again whose weights are not there, because another process
/// ran them: the same seed gives the same weights. `has` tells whether those of a trial are there. `progress` is called
/// with evaluations done and planned. Trials of other programs are left without weights.
void restore_weights(const StudySettings& settings, Evaluator& evaluator, StudyResult& result,
                     const engine::StopToken& stop, const std::function<bool(const Trial&)>& has,
                     const std::function<void(std::int64_t, std::int64_t)>& progress);

}  // namespace lathe::study
