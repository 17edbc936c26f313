#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lathe/recipe/study_settings.h"
#include "lathe/sampler/sampler.h"
#include "lathe/storage/storage.h"
#include "lathe/study/open.h"
#include "lathe/study/trial.h"
#include "lathe/trial/evaluate.h"

namespace lathe::study {

/// Says how a study ended. Stored by name: do not change.
enum class StudyEnd { kAllTrials, kSpaceExhausted, kTimeout, kInterrupted, kFailed };
std::string to_string(StudyEnd end);
/// Reads what to_string prints; kFailed for anything else.
StudyEnd study_end_from_name(const std::string& name);

struct StudyResult {
  std::vector<Trial> trials;      ///< those that ended, in the order of their numbers
  std::vector<std::size_t> best;  ///< indices: the best trial, or the non-dominated ones, in the order of their numbers
  StudyEnd end = StudyEnd::kAllTrials;
  /// False when the clock had a say: measured metrics, a time-out that struck.
  bool reproducible = true;
  double wall_seconds = 0;
  std::exception_ptr failure = {};  ///< what ended the search early (the storage failed); null: nothing
};

/// Makes the result of trials that have ended, in the order of their numbers: which share a candidate, which are best.
StudyResult study_result(std::vector<Trial> trials, const std::vector<Direction>& directions);

/// Keeps the weights of the best trials outside of the memory. Both are called from one thread at a time.
struct WeightStore {
  std::function<void(const Trial&)> save;         ///< writes the trial's weights, which then leave the memory
  std::function<void(std::int64_t number)> drop;  ///< the trial is not among the best any more
};

/// Lists the trials whose weights are kept: the best ones, of equals the first, and the `keep_best` first in order of
/// rank.
std::vector<std::size_t> trials_to_keep(const StudyResult& result, const recipe::StudySettings& settings);

/// Is called, from one thread at a time, after each trial with the result so far.
using TrialEnd = std::function<void(const Trial&, std::size_t ended, std::optional<std::int64_t> best_number)>;

/// Runs a study, alone or beside other workers on the same storage: `n_jobs` threads ask, evaluate and tell. Trial t is
/// asked when trials 0 .. t - lag have ended, and learns from exactly these, as its pruner does, so that the result is
/// the same for any number of threads, workers and restarts. Equal candidates are evaluated once per process. Each
/// trial is one transaction when it begins and one when it ends; its heartbeat says that its worker lives, and trials
/// of dead workers are taken over under their own numbers. A failing trial is recorded and the search goes on. A worker
/// leaves when all trials have ended, also those of others.
class StudyLoop {
 public:
  StudyLoop(const recipe::StudySettings& settings, const space::SearchSpace& space, trial::Evaluator& evaluator,
            std::unique_ptr<sampler::Sampler> sampler, storage::Storage& storage, const OpenedStudy& study);
  ~StudyLoop();
  /// Says where large weights go; without it all those of the best trials stay in the memory. Before `run`.
  void keep_weights_in(WeightStore store);
  /// Runs until the study ends, `stop` is requested or the timeout strikes. Trials that the user interrupted stay
  /// RUNNING in the storage: the next run takes them up again.
  StudyResult run(const engine::StopToken& stop, const TrialEnd& trial_end = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lathe::study
