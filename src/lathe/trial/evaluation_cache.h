#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "lathe/base/hash.h"
#include "lathe/trial/evaluation.h"

namespace lathe::trial {

/// Keeps one evaluation per candidate key, so that equal candidates are evaluated once. Thread safe.
class EvaluationCache {
 public:
  using Shared = std::shared_ptr<const Evaluation>;
  /// Says whether a kept evaluation serves: with pruning one that ended early may not.
  using Serves = std::function<bool(const Evaluation&)>;

  /// Returns the kept evaluation where it serves; else runs one and keeps it. Waits where another thread runs one for
  /// the same key. Evaluations that the user interrupted are returned and not kept. What `run` throws is passed on.
  Shared get(const Digest& key, const Serves& serves, const std::function<Evaluation()>& run);
  /// Keeps an evaluation that was made elsewhere (found in a database).
  void put(const Digest& key, Shared evaluation);

 private:
  struct Slot {
    Shared evaluation;
    bool running = false;
  };
  void end(const Digest& key, Shared evaluation);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Digest, Slot> slots_;
};

}  // namespace lathe::trial
