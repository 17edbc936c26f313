#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "lathe/data/dataset.h"
#include "lathe/engine/backend.h"
#include "lathe/engine/train.h"
#include "lathe/recipe/study_settings.h"
#include "lathe/space/space.h"
#include "lathe/trial/checkpoint_folder.h"
#include "lathe/trial/evaluation.h"
#include "lathe/trial/machine_gate.h"
#include "lathe/trial/prepare.h"
#include "lathe/trial/runner.h"
#include "lathe/trial/starting_weights.h"
#include "lathe/trial/trial_memory.h"
#include "lathe/trial/trial_metrics.h"

namespace lathe::trial {

struct SeedRequest;

/// Evaluates candidates of one study. Thread safe; every evaluation is a function of (seed, candidate key, repeat)
/// alone but for measured metrics.
class Evaluator {
 public:
  /// `loaded` holds weights that were trained before; null for fresh ones. `settings` and `space` must outlive it.
  /// Throws UserError where the study cannot train as the space chooses (check_training_choices).
  Evaluator(const recipe::StudySettings& settings, const space::SearchSpace& space,
            std::shared_ptr<const data::Dataset> dataset, engine::BackendList backends,
            std::shared_ptr<const engine::State> loaded);

  /// Makes a candidate ready; see Preparer::candidate.
  Prepared prepare(const space::Assignment& assignment) const { return preparer_.candidate(assignment); }
  /// Does what a trial does: looks at the constraints on the network, trains and evaluates `settings.repeats` seeds and
  /// takes the means of their metrics. The first seed reports where the study has a pruner; when it is pruned, the
  /// others do not run. The time limit is that of each seed. A trial that fails for a reason of its own (diverged,
  /// timed out, out of memory) is a value; defects of lathe are thrown.
  Evaluation evaluate_trial(const Prepared& prepared, const engine::StopToken& stop, const ReportEnd& report = {});
  /// Evaluates one seed (0, 1, ...) on validation rows, constraints aside; the trial's own seeds are 0 .. repeats - 1.
  Evaluation evaluate(const Prepared& prepared, std::uint64_t repeat, const engine::StopToken& stop,
                      const ReportEnd& report = {});
  /// As above, to the end; looks at the evaluated rows after every epoch too, which changes no result. `epochs` gets an
  /// entry each until the training diverges: Runner::epochs of them where it does not.
  Evaluation evaluate(const Prepared& prepared, std::uint64_t repeat, const engine::StopToken& stop,
                      std::vector<EpochResult>& epochs);
  /// Trains anew as repeat `repeat` and evaluates on the test rows: what `[search.final]` does.
  engine::EvaluationResult train_and_test(const Prepared& prepared, std::uint64_t repeat,
                                          const engine::StopToken& stop);

  const recipe::StudySettings& settings() const { return settings_; }
  const Runner& runner() const { return runner_; }
  const Preparer& preparer() const { return preparer_; }
  const StartingWeights& weights() const { return weights_; }
  StartingWeights& weights() { return weights_; }
  CheckpointFolder& checkpoints() { return checkpoints_; }

 private:
  Evaluation evaluate_seed(const SeedRequest& request);
  void run_seed(const SeedRequest& request, const engine::CompiledNetwork& network, Evaluation& evaluation);
  void add_repeats(const Prepared& prepared, const engine::StopToken& stop, Evaluation& evaluation);

  const recipe::StudySettings& settings_;
  Runner runner_;
  StartingWeights weights_;
  Preparer preparer_;
  TrialMetrics metrics_;
  TrialMemory memory_;
  CheckpointFolder checkpoints_;
  MachineGate gate_;
};

}  // namespace lathe::trial
