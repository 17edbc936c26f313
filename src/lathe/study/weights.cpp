#include "lathe/study/weights.h"

#include "lathe/study/parallel.h"

namespace lathe::study {

void restore_weights(const StudySettings& settings, Evaluator& evaluator, StudyResult& result,
                     const engine::StopToken& stop, const std::function<void(std::int64_t, std::int64_t)>& progress) {
  std::vector<const Trial*> missing;
  for (const std::size_t index : result.best) {
    const Trial& trial = result.trials[index];
    if (trial.evaluation && !trial.evaluation->state && trial.key != Digest{}) missing.push_back(&trial);
  }
  if (missing.empty()) return;
  run_parallel(
      missing.size(), settings.n_jobs, stop,
      [&](std::size_t i) {
        const Prepared prepared = evaluator.prepare(missing[i]->assignment);
        missing[i]->evaluation->state = evaluator.evaluate(prepared, 0, stop).state;
      },
      [&](std::size_t done) {
        progress(static_cast<std::int64_t>(done), static_cast<std::int64_t>(missing.size()));
      });
}

}  // namespace lathe::study
