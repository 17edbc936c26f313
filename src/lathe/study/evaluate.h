#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lathe/base/hash.h"
#include "lathe/data/dataset.h"
#include "lathe/engine/backend.h"
#include "lathe/engine/train.h"
#include "lathe/space/space.h"
#include "lathe/study/settings.h"

namespace lathe::study {

/// Lets many trials run, or one measurement alone: while somebody measures, the other trials pause between their
/// phases. Fair: who waits to measure is not overtaken by new trials.
class MachineGate {
 public:
  class Pass {
   public:
    Pass(MachineGate& gate, bool alone) : gate_(gate), alone_(alone) { gate_.enter(alone_); }
    ~Pass() { gate_.leave(alone_); }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

   private:
    MachineGate& gate_;
    bool alone_;
  };

 private:
  void enter(bool alone);
  void leave(bool alone);

  std::mutex mutex_;
  std::condition_variable changed_;
  int running_ = 0;
  int waiting_alone_ = 0;
  bool alone_ = false;
};

/// Holds the result of evaluating one candidate. Equal candidates share one.
struct Evaluation {
  bool complete = false;
  std::string reason;                     ///< why not, for the user
  bool timed_out = false;                 ///< the clock struck: the study is no longer reproducible
  bool interrupted = false;               ///< the user stopped the study
  std::map<std::string, double> metrics;  ///< by registered name: all analysis metrics, and those the study needs
  std::map<std::string, double> spreads;  ///< of measured metrics: interquartile range / median
  /// The weights that were evaluated. The loop drops those of trials that others beat (guarded by its mutex), so that a
  /// study of many trials does not fill the memory.
  mutable std::shared_ptr<const engine::State> state;
  double wall_seconds = 0;
};

/// Holds a candidate ready to be evaluated.
struct Prepared {
  space::Candidate candidate;
  std::shared_ptr<const engine::Backend> backend;
  Digest key;
};

/// Evaluates candidates of one study. Thread safe; every evaluation is a function of (seed, candidate key, repeat)
/// alone but for measured metrics.
class Evaluator {
 public:
  /// `loaded` holds weights that were trained before; null for fresh ones.
  Evaluator(const StudySettings& settings, const space::SearchSpace& space,
            std::shared_ptr<const data::Dataset> dataset, engine::BackendList backends,
            std::shared_ptr<const engine::State> loaded);

  /// Decodes, chooses a back end and computes the key. Throws UserError (an impossible network) and UnsupportedError.
  Prepared prepare(const space::Assignment& assignment) const;
  /// Evaluates on validation rows. A trial that fails for a reason of its own (diverged, timed out, out of memory) is a
  /// value; defects of lathe are thrown.
  Evaluation evaluate(const Prepared& prepared, std::uint64_t repeat, const engine::StopToken& stop);
  /// Trains anew as repeat `repeat` and evaluates on the test rows: what `[search.final]` does.
  engine::EvaluationResult train_and_test(const Prepared& prepared, std::uint64_t repeat,
                                          const engine::StopToken& stop);

  /// Names the tensors of the graph that would be evaluated with weights that were never trained; empty when training.
  std::vector<std::string> untrained_tensors(const ir::Graph& graph) const;
  const data::Dataset& dataset() const { return *dataset_; }

 private:
  engine::State starting_state(const ir::Graph& graph, const Digest& key, std::uint64_t repeat) const;
  engine::SessionSettings session_settings_for(const ir::Graph& graph) const;
  std::string train_session(engine::Session& session, const Prepared& prepared, std::uint64_t repeat,
                            const engine::StopToken& stop, engine::TrainReport& report, Evaluation& evaluation);
  std::string evaluate_session(engine::Session& session, const engine::StopToken& stop,
                               engine::EvaluationResult& result, Evaluation& evaluation);
  void measure(engine::Session& session, metric::TrialFacts& facts);
  void compute_metrics(const metric::TrialFacts& facts, Evaluation& evaluation) const;

  const StudySettings& settings_;
  const space::SearchSpace& space_;
  std::shared_ptr<const data::Dataset> dataset_;
  std::shared_ptr<const data::Dataset> training_dataset_;  ///< its train part holds the rows trained on
  engine::BackendList backends_;
  std::shared_ptr<const engine::State> loaded_;
  std::string weights_text_;
  std::string runner_text_;
  std::vector<const metric::MetricKind*> metrics_;
  bool measures_latency_ = false;
  bool measures_training_ = false;
  MachineGate gate_;
};

}  // namespace lathe::study
