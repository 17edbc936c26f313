#pragma once

#include <cstdint>
#include <functional>

#include "lathe/study/loop.h"

namespace lathe::study {

/// Evaluates those of the best trials again whose weights this process does not have, because another process ran them:
/// the same seed gives the same weights. `progress` is called with evaluations done and planned. Trials of other
/// programs are left without weights.
void restore_weights(const StudySettings& settings, Evaluator& evaluator, StudyResult& result,
                     const engine::StopToken& stop, const std::function<void(std::int64_t, std::int64_t)>& progress);

}  // namespace lathe::study
