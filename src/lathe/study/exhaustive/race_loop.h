#pragma once

#include <cstdint>
#include <functional>

#include "lathe/storage/storage.h"
#include "lathe/study/loop.h"

namespace lathe::study {

/// Gives more seeds to the candidates that may be on the front, until each is on it, off it or declared tied
/// (`[search.strategy.racing]`), and sets Trial::standing of all complete trials and result.best accordingly.
/// Constraints that training decides are judged by all seeds too: one that a trial broke by chance does not end its
/// race. The best, whose means meet all constraints, are, with several objectives, those on the front of the means and
/// those surely on the front; with one objective those on the front and the tied ones, the best mean first. Each
/// further evaluation is committed to the storage, so that a race that was cut off goes on. `progress` is called with
/// seeds done and planned so far. Distinct candidates race; trials that share one share its standing.
void run_race(const recipe::StudySettings& settings, trial::Evaluator& evaluator, storage::Storage& storage,
              std::int64_t study_id, StudyResult& result, const engine::StopToken& stop,
              const std::function<void(std::int64_t, std::int64_t)>& progress);

}  // namespace lathe::study
