#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "lathe/metric/metric.h"
#include "lathe/trial/evaluate.h"

/// What an evaluation in progress holds. Internal to the module.
namespace lathe::trial {

/// Returns the moment so many seconds from now.
inline std::chrono::steady_clock::time_point after(double seconds) {
  return std::chrono::steady_clock::now() +
         std::chrono::duration_cast<std::chrono::steady_clock::duration>(std::chrono::duration<double>(seconds));
}

struct Evaluator::Run {
  engine::Session& session;
  const Prepared& prepared;
  std::uint64_t repeat;
  const engine::StopToken& stop;
  Evaluation& evaluation;
  metric::TrialFacts facts = {};
  engine::TrainReport training = {};
  engine::EvaluationResult result = {};
  std::int64_t result_step = -1;               ///< the optimiser step at which `result` was taken
  std::vector<EpochResult>* epochs = nullptr;  ///< wants a result of every epoch; null: nobody does
};

}  // namespace lathe::trial
