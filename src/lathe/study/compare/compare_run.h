#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lathe/engine/train.h"
#include "lathe/recipe/study_settings.h"
#include "lathe/sampler/sampler.h"
#include "lathe/study/compare/compare.h"
#include "lathe/trial/evaluate.h"
#include "lathe/trial/evaluation_cache.h"
#include "lathe/trial/failure.h"

/// The runs of `lathe compare`: samplers against an objective that evaluates every distinct candidate once.
namespace lathe::study {

/// Holds what became of a candidate.
struct Outcome {
  TrialState state = TrialState::kFail;            ///< COMPLETE; PRUNED where a constraint ruled it out; else FAIL
  std::vector<double> values = {};                 ///< one per direction of the study; empty unless complete
  std::vector<double> constraints = {};            ///< each at most 0 where it is met
  std::string reason = {};                         ///< why it is not complete
  trial::Failure failure = trial::Failure::kNone;  ///< of a failed one
  Digest key = {};                                 ///< of the candidate; zero where the network is impossible
  double seconds = 0;                              ///< that its one evaluation took
  bool timed_out = false;                          ///< the clock decided
  bool interrupted = false;                        ///< the user stopped the evaluation: says nothing of the candidate

  /// Tells whether its values may be compared: complete and all constraints met.
  bool comparable() const;
};

using SharedOutcome = std::shared_ptr<const Outcome>;

/// Evaluates candidates to their end, no pruning, each distinct one once. Thread safe: threads that ask for the same
/// candidate wait for the first.
class CachedObjective {
 public:
  /// Both must outlive the objective.
  CachedObjective(const recipe::StudySettings& settings, trial::Evaluator& evaluator)
      : settings_(settings), evaluator_(evaluator) {}
  /// Failures of a candidate's own are outcomes; defects of lathe are thrown.
  SharedOutcome evaluate(const space::Assignment& assignment, const engine::StopToken& stop);
  /// Returns the number of distinct candidates that were evaluated or ruled out so far.
  std::int64_t candidates() const;

 private:
  Outcome outcome(const space::Assignment& assignment, const engine::StopToken& stop);

  const recipe::StudySettings& settings_;
  trial::Evaluator& evaluator_;
  trial::EvaluationCache cache_;
  mutable std::mutex mutex_;
  std::map<space::Assignment, SharedOutcome> known_;
  std::int64_t candidates_ = 0;
};

struct ComparedTrial {
  space::Assignment assignment;
  SharedOutcome outcome;
};

/// Holds one run: one sampler with one seed.
struct ComparedRun {
  std::vector<ComparedTrial> trials = {};  ///< by number; fewer than planned where the sampler has no further point
  double sampler_seconds = 0;              ///< in ask, announce and tell
  bool complete = false;                   ///< false: interrupted (or not begun)

  /// Returns the values of the trials that may be compared.
  RunValues values() const;
  /// Adds up what the evaluations of its trials would take one after another, repeats included.
  double evaluation_seconds() const;
  std::vector<Repeat> repeats() const;
};

using EvaluatePoint = std::function<SharedOutcome(const space::Assignment&)>;

/// Runs a fresh sampler for `trials` trials as the study loop would: trial t is asked when exactly 0 .. t - lag have
/// been told and all others announced. `trial_end` (may be empty) is called after each trial.
ComparedRun run_sampler(sampler::Sampler& sampler, std::int64_t trials, std::int64_t lag, const EvaluatePoint& evaluate,
                        const engine::StopToken& stop, const std::function<void()>& trial_end = {});

}  // namespace lathe::study
