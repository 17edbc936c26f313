#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lathe/engine/backend.h"
#include "lathe/recipe/study_settings.h"
#include "lathe/space/space.h"
#include "lathe/trial/memory_budget.h"

namespace lathe::trial {

/// Says what memory the trials of a study may have, and shares it among those that run. Thread safe.
class TrialMemory {
 public:
  /// `settings` must outlive it.
  explicit TrialMemory(const recipe::StudySettings& settings);

  /// Says why a trial can never have so many bytes: more than trial_memory, or than there is for all.
  std::optional<std::string> refusal(const engine::Backend& backend, std::int64_t bytes) const;
  /// Waits for so many bytes.
  MemoryBudget::Share share(const engine::Backend& backend, std::int64_t bytes, const engine::StopToken& stop);

 private:
  bool counts(const engine::Backend& backend) const;

  const recipe::StudySettings& settings_;
  MemoryBudget budget_;
};

/// Returns what a candidate plans: its session, and outside of it one copy of the weights (where training begins, what
/// is kept).
std::int64_t planned_bytes(const engine::CompiledNetwork& network, const ir::Graph& graph);

}  // namespace lathe::trial
