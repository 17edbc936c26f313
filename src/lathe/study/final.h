#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lathe/study/loop.h"

namespace lathe::study {

/// Holds the test result of one of the best trials.
struct FinalScore {
  std::int64_t number = 0;                       ///< of the trial
  std::vector<double> scores = {}, losses = {};  ///< one per seed, on all test rows: accuracy, or r2 of regression
  double mean_score = 0, standard_error = 0, mean_loss = 0;
  std::string reason = {};  ///< when a training failed
};

/// Trains the best trials anew with `settings.final.seeds` seeds each and scores them on the test rows once.
/// Results do not depend on n_jobs. `progress` is called with trainings done and planned.
std::vector<FinalScore> run_final(const recipe::StudySettings& settings, trial::Evaluator& evaluator,
                                  const StudyResult& result, const engine::StopToken& stop,
                                  const std::function<void(std::int64_t, std::int64_t)>& progress = {});

}  // namespace lathe::study
