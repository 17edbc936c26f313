#pragma once

#include <cstdint>
#include <functional>

#include "lathe/base/error.h"
#include "lathe/study/loop.h"

namespace lathe::study {

/// Evaluates the first seed of a stored trial again, weights included. Throws UserError where that does not give, bit
/// for bit, what the trial had: the candidate is another one here (another back end or SIMD target, other data or
/// settings), or a metric differs. Metrics that are measured by the clock are left aside. A value that is incomplete
/// was interrupted.
trial::Evaluation evaluate_again(trial::Evaluator& evaluator, const Trial& trial, const engine::StopToken& stop);

/// Evaluates those of the trials to be kept (trials_to_keep) again whose weights are not there, because another process
/// ran them: the same seed gives the same weights. `has` tells whether those of a trial are there. `progress` is called
/// with evaluations done and planned. Trials of other programs are left without weights. `failed` hears of those that
/// cannot be made again; without it that is thrown.
void restore_weights(const recipe::StudySettings& settings, trial::Evaluator& evaluator, StudyResult& result,
                     const engine::StopToken& stop, const std::function<bool(const Trial&)>& has,
                     const std::function<void(std::int64_t, std::int64_t)>& progress,
                     const std::function<void(const UserError&)>& failed = {});

}  // namespace lathe::study
