#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "lathe/sampler/sampler.h"
#include "lathe/space/space.h"
#include "lathe/storage/trial_record.h"
#include "lathe/trial/evaluation.h"
#include "lathe/trial/failure.h"

namespace lathe::study {

/// Holds one trial of a study while the study works with it.
struct Trial : storage::TrialRecord {
  std::int64_t trial_id = 0;  ///< of the storage
  space::Assignment assignment = {};
  std::vector<sampler::Report> reports = {};                 ///< intermediate values, ascending by step
  trial::Failure failure = trial::Failure::kNone;            ///< of a failed trial
  bool imported = false;                                     ///< copied from another study (warm start)
  std::int64_t attempts = 1;                                 ///< how many workers began it; the earlier ones died
  std::shared_ptr<const trial::Evaluation> evaluation = {};  ///< null when nothing was evaluated

  bool ended() const { return state != TrialState::kRunning && state != TrialState::kWaiting; }
  /// Tells whether all constraints are met: after a race by the means of all its seeds.
  bool feasible() const;
  /// Returns what samplers and pruners learn from it.
  sampler::FinishedTrial finished() const;
};

/// Tells whether a complete trial comes before another one of a study with one objective: by its value, of equals by
/// its number.
bool comes_first(const Trial& left, const Trial& right, Direction direction);

/// Picks the best trials: the non-dominated ones, or for one objective the best (of equals the lowest number, as Optuna
/// does). Trials that break a constraint are left out.
std::vector<std::size_t> best_trials(const std::vector<Trial>& trials, const std::vector<Direction>& directions);

/// Lists the first `most` of the trials by rank, best first: with one objective by its value, with several front after
/// front; of equal candidates the first. Only complete trials that meet all constraints.
std::vector<std::size_t> ranked_trials(const std::vector<const Trial*>& trials,
                                       const std::vector<Direction>& directions, std::size_t most);

/// Lists those of the trials whose weights are kept: of `best`, trials with equal values (the means of their seeds
/// after a race) leave theirs to the one of the lowest number; and the first `keep_best` by rank.
std::vector<std::size_t> trials_with_weights(const std::vector<const Trial*>& trials,
                                             const std::vector<std::size_t>& best,
                                             const std::vector<Direction>& directions,
                                             std::optional<std::int64_t> keep_best);

}  // namespace lathe::study
