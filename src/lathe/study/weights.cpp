#include "lathe/study/weights.h"

#include <map>

#include "lathe/study/parallel.h"

namespace lathe::study {

void restore_weights(const StudySettings& settings, Evaluator& evaluator, StudyResult& result,
                     const engine::StopToken& stop, const std::function<bool(const Trial&)>& has,
                     const std::function<void(std::int64_t, std::int64_t)>& progress) {
  std::map<Digest, std::vector<const Trial*>> by_key;  // equal candidates are evaluated once
  for (const std::size_t index : trials_to_keep(result, settings)) {
    const Trial& trial = result.trials[index];
    if (trial.evaluation && trial.key != Digest{} && !has(trial)) by_key[trial.key].push_back(&trial);
  }
  if (by_key.empty()) return;
  std::vector<std::vector<const Trial*>> missing;
  for (auto& [key, trials] : by_key) missing.push_back(std::move(trials));
  run_parallel(
      missing.size(), settings.n_jobs, stop,
      [&](std::size_t i) {
        const Prepared prepared = evaluator.prepare(missing[i].front()->assignment);
        const auto state = evaluator.evaluate(prepared, 0, stop).state;
        for (const Trial* trial : missing[i]) trial->evaluation->state = state;
      },
      [&](std::size_t done) { progress(static_cast<std::int64_t>(done), static_cast<std::int64_t>(missing.size())); });
}

}  // namespace lathe::study
