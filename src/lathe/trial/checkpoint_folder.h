#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "lathe/base/hash.h"
#include "lathe/recipe/study_settings.h"
#include "lathe/trial/trial_checkpoint.h"

namespace lathe::trial {

/// Knows where a study keeps the states of its trainings. Thread safe once it knows the folder.
class CheckpointFolder {
 public:
  /// `settings` must outlive it.
  explicit CheckpointFolder(const recipe::StudySettings& settings) : settings_(settings) {}

  /// Keeps the states of long trainings in a folder (made when needed), so that a process that was cut off goes on
  /// within them; see StudySettings::checkpoint_interval_seconds. States that lie in `earlier` (empty: nowhere) are
  /// taken from there.
  void keep_in(std::filesystem::path folder, std::filesystem::path earlier = {});

  /// Returns where the training of a seed is kept; nullopt where none is.
  std::optional<TrialCheckpoint> of(const Digest& key, std::uint64_t repeat) const;
  /// Removes the states of the seeds first .. first + count - 1.
  void forget(const Digest& key, std::uint64_t first, std::uint64_t count) const;

 private:
  const recipe::StudySettings& settings_;
  std::filesystem::path folder_, earlier_;  ///< empty: nothing is kept
};

}  // namespace lathe::trial
