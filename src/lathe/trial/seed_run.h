#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lathe/metric/metric.h"
#include "lathe/recipe/study_settings.h"
#include "lathe/trial/checkpoint_folder.h"
#include "lathe/trial/evaluation.h"
#include "lathe/trial/machine_gate.h"
#include "lathe/trial/prepare.h"
#include "lathe/trial/runner.h"
#include "lathe/trial/starting_weights.h"
#include "lathe/trial/trial_metrics.h"

namespace lathe::trial {

/// Names the parts of an evaluator that a run needs; they outlive it.
struct RunParts {
  const recipe::StudySettings& settings;
  const Runner& runner;
  const StartingWeights& weights;
  const TrialMetrics& metrics;
  const CheckpointFolder& checkpoints;
  MachineGate& gate;
};

/// Says which seed of which candidate is to run.
struct SeedRequest {
  const Prepared& prepared;
  std::uint64_t repeat = 0;
  const engine::StopToken& stop;
  const ReportEnd& report;                     ///< empty: no intermediate results
  std::vector<EpochResult>* epochs = nullptr;  ///< wants a result of every epoch, and keeps no checkpoint; null: nobody
};

/// Trains and evaluates one seed of one candidate in its session. What it finds goes into `evaluation`.
class SeedRun {
 public:
  /// All that is given by reference must outlive it.
  SeedRun(const RunParts& parts, const SeedRequest& request, engine::Session& session, Evaluation& evaluation)
      : parts_(parts), request_(request), session_(session), evaluation_(evaluation) {}

  /// Trains where the study trains, evaluates and computes the metrics; returns the reason when that did not end well.
  std::string run();
  /// Trains and no more; returns the reason when that did not end well.
  std::string train();

 private:
  void load();
  std::string train_loaded();
  std::string training_end();
  std::optional<engine::ResumePoint> resume(const TrialCheckpoint& kept);
  engine::Interim interim();
  bool report_interim(std::int64_t step, const engine::TrainReport& so_far);
  void note_epoch(const engine::TrainReport& so_far);
  void look_at_rows(std::int64_t step);
  std::string evaluate();
  void measure();
  std::string compute_metrics();
  void keep_outcomes();

  const RunParts& parts_;
  const SeedRequest& request_;
  engine::Session& session_;
  Evaluation& evaluation_;
  metric::TrialFacts facts_ = {};
  engine::TrainReport training_ = {};
  engine::EvaluationResult result_ = {};
  std::int64_t result_step_ = -1;  ///< the optimiser step at which `result_` was taken
};

/// Returns who a seed of a candidate is for its random draws.
engine::RunIdentity identity_of(const recipe::StudySettings& settings, const Prepared& prepared, std::uint64_t repeat);

}  // namespace lathe::trial
