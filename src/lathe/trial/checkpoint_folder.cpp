#include "lathe/trial/checkpoint_folder.h"

#include <utility>

#include "lathe/recipe/study_text.h"

namespace lathe::trial {

void CheckpointFolder::keep_in(std::filesystem::path folder, std::filesystem::path earlier) {
  folder_ = std::move(folder);
  earlier_ = std::move(earlier);
}

std::optional<TrialCheckpoint> CheckpointFolder::of(const Digest& key, std::uint64_t repeat) const {
  if (folder_.empty() || settings_.checkpoint_interval_seconds <= 0) return std::nullopt;
  TrialCheckpoint kept(folder_, key, repeat, recipe::judging_text(settings_));
  if (!earlier_.empty()) kept.take_from(earlier_);
  return kept;
}

void CheckpointFolder::forget(const Digest& key, std::uint64_t first, std::uint64_t count) const {
  if (folder_.empty()) return;
  for (std::uint64_t repeat = first; repeat < first + count; ++repeat)
    TrialCheckpoint(folder_, key, repeat, recipe::judging_text(settings_)).remove();
}

}  // namespace lathe::trial
