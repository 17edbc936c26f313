#include "lathe/trial/evaluation_cache.h"

#include "lathe/base/profile.h"

namespace lathe::trial {

void EvaluationCache::put(const Digest& key, Shared evaluation) {
  const std::lock_guard lock(mutex_);
  Slot& slot = slots_[key];
  // A whole evaluation serves more trials than one that was pruned.
  if (!slot.evaluation || evaluation->complete) slot.evaluation = std::move(evaluation);
}

void EvaluationCache::end(const Digest& key, Shared evaluation) {
  if (evaluation) put(key, std::move(evaluation));
  {
    const std::lock_guard lock(mutex_);
    slots_[key].running = false;
  }
  changed_.notify_all();
}

EvaluationCache::Shared EvaluationCache::get(const Digest& key, const Serves& serves,
                                             const std::function<Evaluation()>& run) {
  {
    const PhaseScope waits(Phase::kIdle);
    std::unique_lock lock(mutex_);
    Slot& slot = slots_[key];
    changed_.wait(lock, [&] { return !slot.running; });
    if (slot.evaluation && serves(*slot.evaluation)) return slot.evaluation;
    slot.running = true;
  }
  try {
    const auto evaluation = std::make_shared<const Evaluation>(run());
    end(key, evaluation->interrupted ? nullptr : evaluation);
    return evaluation;
  } catch (...) {
    end(key, nullptr);
    throw;
  }
}

}  // namespace lathe::trial
