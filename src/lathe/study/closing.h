#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lathe/base/profile.h"
#include "lathe/study/final.h"
#include "lathe/study/loop.h"

/// What a study came to beside its trials, kept with it, so that its files can be made again.
namespace lathe::study {

/// Holds how the last run of a study ended.
struct Closing {
  StudyEnd end = StudyEnd::kAllTrials;
  bool reproducible = true;
  bool raced = false;  ///< the race of `[search.strategy.racing]` was run
  double wall_seconds = 0;
  std::vector<FinalScore> finals = {};
  std::optional<ProfileTotals> profile = {};
  std::string settings_document = {};  ///< the settings of that run as TOML
  /// Numbers of the best trials after the race, the most probable first; absent: no race, or that of an earlier
  /// version.
  std::optional<std::vector<std::int64_t>> race_best = {};
  std::int64_t race_trials = 0;  ///< number after that of the last trial which the race knew
};

/// Keeps the closing with the study; that of a later run replaces it.
void store_closing(storage::Storage& storage, std::int64_t study_id, const Closing& closing);
/// Reads it; nullopt where no run has ended, or an earlier version of lathe made the study.
std::optional<Closing> read_closing(const storage::StudyInfo& info);

/// Loads the trials of a study that have ended, as the run that ended them had them. Throws DataError where one is
/// missing, or has values that its metrics do not make.
StudyResult stored_result(storage::Storage& storage, std::int64_t study_id, const recipe::StudySettings& settings,
                          const space::SearchSpace& space);

}  // namespace lathe::study
