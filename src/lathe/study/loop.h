#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lathe/sampler/sampler.h"
#include "lathe/storage/storage.h"
#include "lathe/study/evaluate.h"
#include "lathe/study/settings.h"

namespace lathe::study {

/// Holds one trial of a study.
struct Trial {
  std::int64_t number = 0;
  TrialState state = TrialState::kRunning;
  space::Assignment assignment = {};
  space::SampledConfig config = {};               ///< empty when the candidate could not be decoded
  std::string widths = {}, bits = {};             ///< short descriptions of the network for tables
  std::vector<double> values = {};                ///< one per objective of the sampler; empty unless complete
  std::map<std::string, double> scaled = {};      ///< scaled metrics by name
  std::string reason = {};                        ///< of a failure
  std::optional<std::int64_t> duplicate_of = {};  ///< number of the trial whose result this one shares
  bool untrained = false;                         ///< evaluated with weights that were never trained
  Digest key = {};
  std::shared_ptr<const Evaluation> evaluation = {};  ///< null when nothing was evaluated
  storage::Time started = {}, completed = {};
};

/// Says how a study ended. Stored by name: do not change.
enum class StudyEnd { kAllTrials, kSpaceExhausted, kTimeout, kInterrupted };
std::string to_string(StudyEnd end);

struct StudyResult {
  std::vector<Trial> trials;      ///< in the order of their numbers
  std::vector<std::size_t> best;  ///< the best trial, or the non-dominated ones, in the order of their numbers
  StudyEnd end = StudyEnd::kAllTrials;
  /// False when the clock had a say: measured metrics, a time-out that struck.
  bool reproducible = true;
  double wall_seconds = 0;
};

/// Is called, from one thread at a time, after each trial with the result so far.
using TrialEnd = std::function<void(const Trial&, std::size_t ended, std::optional<std::size_t> best_number)>;

/// Runs a study: `n_jobs` threads ask, evaluate and tell. Trial t is asked when trials 0 .. t - lag have ended, and
/// learns from exactly these, so that the result is the same for every n_jobs. Equal candidates are evaluated once; a
/// trial that finds its candidate running waits for it. Each trial is committed to `storage` (may be null) when it
/// begins and when it ends. A failing trial is recorded and the search goes on; SystemError of the storage ends it.
class StudyLoop {
 public:
  StudyLoop(const StudySettings& settings, const space::SearchSpace& space, Evaluator& evaluator,
            std::unique_ptr<sampler::Sampler> sampler, storage::Storage* storage, std::int64_t study_id);
  ~StudyLoop();
  StudyResult run(const engine::StopToken& stop, const TrialEnd& trial_end = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Picks the best trials: the non-dominated ones, or for one objective the best (of equals the smallest assignment).
std::vector<std::size_t> best_trials(const std::vector<Trial>& trials,
                                     const std::vector<Direction>& directions);

}  // namespace lathe::study
