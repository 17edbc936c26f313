#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
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
#include "lathe/recipe/study_settings.h"
#include "lathe/space/space.h"
#include "lathe/trial/memory_budget.h"
#include "lathe/trial/trial_checkpoint.h"

namespace lathe::trial {

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

/// Says where a candidate ran and what memory that took.
struct Usage {
  std::string backend, target;     ///< `onednn`, `AVX2`
  std::string accelerator;         ///< `cpu`, `gpu`; empty: not known
  std::int64_t planned_bytes = 0;  ///< what the back end planned for a session, and one copy of the weights
  /// Most memory that the whole process had while the candidate ran: the data and the trials beside it included. (Since
  /// the process began, where other trials ran before it had ended.)
  std::int64_t peak_bytes = 0;
};

/// Prints `onednn AVX2 on cpu`; empty where it is not known.
std::string to_string(const Usage& usage);

/// Holds the result of evaluating one candidate. Equal candidates share one.
struct Evaluation {
  bool complete = false;
  std::string reason;                     ///< why not, for the user
  bool pruned = false;                    ///< the pruner ended it: metrics are those of its last report
  bool ruled_out = false;                 ///< breaks a constraint on its network: never trained, analysis metrics only
  bool timed_out = false;                 ///< the clock struck: the study is no longer reproducible
  bool interrupted = false;               ///< the user stopped the study
  bool out_of_memory = false;             ///< the machine was too small
  std::map<std::string, double> metrics;  ///< by registered name: all analysis metrics, and those the study needs
  std::map<std::string, double> spreads;  ///< of measured metrics: interquartile range / median
  std::vector<double> constraints;        ///< violations in the order of StudySettings::constraints; see constraint.h
  std::vector<sampler::Report> reports;   ///< of the first seed, ascending by step
  /// How many of the reports came before the end of the training, so that the pruner's answer counted.
  std::size_t judged = 0;
  /// With several seeds: the metrics of each, and the standard error of each mean in `metrics` (those that vary).
  std::vector<std::map<std::string, double>> repeats;
  std::map<std::string, double> standard_errors;
  /// The weights that were evaluated. The loop drops those of trials that others beat (guarded by its mutex), so that a
  /// study of many trials does not fill the memory.
  mutable std::shared_ptr<const engine::State> state;
  /// Where a race follows: what the evaluated rows said, a text per seed (outcomes.h). The loop takes it away when the
  /// first of the trials that share this is stored (guarded by its mutex).
  mutable std::vector<std::string> outcomes;
  double wall_seconds = 0;
  Usage usage = {};
};

/// Is called during training with each intermediate result; true ends the training: the trial is pruned. The answer to
/// a report at the end of the training has no effect.
using ReportEnd = std::function<bool(const sampler::Report&)>;

/// Holds what the evaluated rows said after an epoch of the training (or after the part of one that ended it).
struct EpochResult {
  std::int64_t steps = 0;  ///< optimiser steps done
  double train_loss = 0;   ///< mean over the training rows of the epoch, while it ran
  double validation_loss = 0;
  std::optional<double> validation_accuracy = {};  ///< absent for regression
};

/// Holds a candidate ready to be evaluated.
struct Prepared {
  space::Candidate candidate;
  std::shared_ptr<const engine::Backend> backend;
  Digest key;
  bool base = false;  ///< the base network itself, on the way to trained weights: begins from fresh ones
};

/// Holds what trains a candidate outside of a study just as one of its trials does.
struct TrialRecipe {
  engine::TrainSettings settings;
  engine::RunIdentity identity;
  engine::State start;                           ///< the weights that it begins from
  std::shared_ptr<const data::Dataset> dataset;  ///< its training rows are those that the study trains on
  std::int64_t evaluation_batch = 1;             ///< rows of a batch of evaluation
};

/// Holds how fast one candidate is, by the clock.
struct Speed {
  double start_seconds = 0;       ///< to compile it and draw its weights
  double seconds_per_sample = 0;  ///< of training; 0 where the study does not train
  double seconds_per_row = 0;     ///< of evaluation
};

/// Evaluates candidates of one study. Thread safe; every evaluation is a function of (seed, candidate key, repeat)
/// alone but for measured metrics.
class Evaluator {
 public:
  /// `loaded` holds weights that were trained before; null for fresh ones. Throws UserError where the study cannot
  /// train as the space chooses (check_training_choices).
  Evaluator(const recipe::StudySettings& settings, const space::SearchSpace& space,
            std::shared_ptr<const data::Dataset> dataset, engine::BackendList backends,
            std::shared_ptr<const engine::State> loaded);

  /// Decodes, chooses a back end and computes the key. Throws UserError (an impossible network) and UnsupportedError.
  Prepared prepare(const space::Assignment& assignment) const;
  /// Does what a trial does: looks at the constraints on the network, trains and evaluates `settings.repeats` seeds and
  /// takes the means of their metrics. The first seed reports where the study has a pruner; when it is pruned, the
  /// others do not run. The time limit is that of each seed. A trial that fails for a reason of its own (diverged,
  /// timed out, out of memory) is a value; defects of lathe are thrown.
  Evaluation evaluate_trial(const Prepared& prepared, const engine::StopToken& stop, const ReportEnd& report = {});
  /// Evaluates one seed (0, 1, ...) on validation rows, constraints aside; the trial's own seeds are 0 .. repeats - 1.
  Evaluation evaluate(const Prepared& prepared, std::uint64_t repeat, const engine::StopToken& stop,
                      const ReportEnd& report = {});
  /// As above, to the end; looks at the evaluated rows after every epoch too, which changes no result. `epochs` gets an
  /// entry each until the training diverges.
  Evaluation evaluate(const Prepared& prepared, std::uint64_t repeat, const engine::StopToken& stop,
                      std::vector<EpochResult>& epochs);
  /// Returns how many entries `epochs` gets from a training that does not diverge.
  std::int64_t epochs_of(const space::Candidate& candidate) const;
  /// Trains anew as repeat `repeat` and evaluates on the test rows: what `[search.final]` does.
  engine::EvaluationResult train_and_test(const Prepared& prepared, std::uint64_t repeat,
                                          const engine::StopToken& stop);

  /// Returns how a seed of a candidate is trained. Of studies that train nothing the settings are `otherwise`.
  TrialRecipe recipe(const Prepared& prepared, std::uint64_t repeat, const engine::TrainSettings& otherwise) const;

  /// Keeps the states of long trainings in a folder (made when needed), so that a process that was cut off goes on
  /// within them; see StudySettings::checkpoint_interval_seconds. States that lie in `earlier` (empty: nowhere) are
  /// taken from there.
  void keep_checkpoints(std::filesystem::path folder, std::filesystem::path earlier = {}) {
    checkpoints_ = std::move(folder);
    earlier_checkpoints_ = std::move(earlier);
  }
  /// Tells whether candidates begin from a trained base network that is not there yet.
  bool needs_base() const { return settings_.weights != engine::WeightPolicy::kFresh && !loaded_; }
  /// Returns the base network ready to be trained by the study's own recipe (seed 0).
  Prepared prepare_base() const;
  /// Gives the trained weights of the base network. Before the first candidate is prepared: keys depend on them.
  void start_from(std::shared_ptr<const engine::State> base);

  /// Trains a candidate for about so many seconds and evaluates it once, to see how fast it is. Leaves nothing behind.
  Speed time_briefly(const Prepared& prepared, double seconds) const;
  /// Returns how many samples the training of a candidate sees; 0 where the study does not train.
  std::int64_t training_samples(const space::Candidate& candidate) const;
  /// Returns how many rows an evaluation reads.
  std::int64_t evaluated_rows() const;
  /// Returns how many rows an epoch of training has.
  std::int64_t trained_rows() const;

  /// Names the tensors of the graph that would be evaluated with weights that were never trained; empty when training.
  std::vector<std::string> untrained_tensors(const ir::Graph& graph) const;
  const data::Dataset& dataset() const { return *dataset_; }
  /// Says what weights candidates begin from: `fresh seed=0`, the hash of those that were loaded, or the policy and
  /// that hash: `net2wider 1f3a...`.
  const std::string& weights_text() const { return weights_text_; }

 private:
  struct Run;  ///< one seed of one candidate while it runs

  std::string weights_description() const;
  std::int64_t evaluation_batch() const;
  engine::State starting_state(const Prepared& prepared, std::uint64_t repeat) const;
  std::optional<TrialCheckpoint> checkpoint_of(const Run& run) const;
  std::optional<engine::ResumePoint> resume(Run& run, const TrialCheckpoint& kept, const ReportEnd& report) const;
  void forget_checkpoints(const Prepared& prepared, std::uint64_t first, std::uint64_t count) const;
  std::optional<std::string> memory_refusal(const engine::Backend& backend, std::int64_t bytes) const;
  bool counts_for_budget(const engine::Backend& backend) const;
  engine::TrainSettings train_settings_for(const space::Candidate& candidate) const;
  engine::SessionSettings session_settings_for(const space::Candidate& candidate) const;
  Evaluation run_seed(const Prepared& prepared, std::uint64_t repeat, const engine::StopToken& stop,
                      const ReportEnd& report, std::vector<EpochResult>* epochs);
  std::string run_session(Run& run, const ReportEnd& report);
  std::string train_session(Run& run, const ReportEnd& report);
  std::string training_end(Run& run) const;
  bool report_interim(Run& run, std::int64_t step, const engine::TrainReport& so_far, const ReportEnd& report);
  engine::Interim interim_for(Run& run, const ReportEnd& report);
  void note_epoch(Run& run, const engine::TrainReport& so_far);
  const data::Samples& samples_to_evaluate() const;
  engine::EvaluationResult evaluate_rows(engine::Session& session) const;
  std::string evaluate_session(Run& run);
  void measure(engine::Session& session, metric::TrialFacts& facts);
  std::string compute_metrics(const metric::TrialFacts& facts, Evaluation& evaluation) const;
  void keep_outcomes(Run& run) const;
  std::optional<Evaluation> ruled_out(const Prepared& prepared) const;
  void add_repeats(const Prepared& prepared, const engine::StopToken& stop, Evaluation& evaluation);

  const recipe::StudySettings& settings_;
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
  MemoryBudget memory_;
  std::filesystem::path checkpoints_;  ///< empty: no states of trainings are kept
  std::filesystem::path earlier_checkpoints_;
};

}  // namespace lathe::trial
