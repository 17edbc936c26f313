#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/data/augment.h"
#include "lathe/engine/backend.h"
#include "lathe/engine/training_option.h"

namespace lathe::engine {

/// Tells a running trial to end: looked at after every step. Shared between the trial, the program's signal
/// handler and the time limit.
class StopToken {
 public:
  void request() { requested_.store(true, std::memory_order_relaxed); }
  void set_deadline(std::chrono::steady_clock::time_point deadline) { deadline_ = deadline; }
  /// Chains to a second token: this one is also stopped when that one is.
  void follow(const StopToken* other) { other_ = other; }
  bool requested() const {
    return requested_.load(std::memory_order_relaxed) || (other_ != nullptr && other_->requested());
  }
  bool timed_out() const { return deadline_ && std::chrono::steady_clock::now() >= *deadline_; }

 private:
  std::atomic<bool> requested_{false};
  std::optional<std::chrono::steady_clock::time_point> deadline_;
  const StopToken* other_ = nullptr;
};

/// Holds the recipe of a training run. Steps are optimiser steps.
struct TrainSettings {
  OptimizerSettings optimizer;
  LossSettings loss = {};  ///< the session must have been made with the same
  double learning_rate = 1e-3;
  std::string schedule = "constant";  ///< name of a ScheduleDeclaration
  double minimum_learning_rate = 0;   ///< end of a schedule that falls
  std::int64_t batch_size = 128;
  std::int64_t max_epochs = 20;
  std::optional<std::int64_t> max_steps;    ///< ends training earlier
  std::optional<std::int64_t> num_samples;  ///< training samples in all, capped at max_epochs; the last batch is whole
  std::int64_t accumulate_grad_batches = 1;
  bool shuffle = true;
  data::Augmentation augmentation = {};  ///< changes training images; prepared by a thread of its own
  /// Evaluate on the validation rows after every epoch (and keep the best state by validation loss).
  bool validate_each_epoch = true;
  std::int64_t log_every_n_steps = 50;  ///< spacing of the training rows of the history; 0: none
  OptionValues options = {};            ///< of the settings that bring what they do along

  /// Prints everything that results depend on, canonically (part of the candidate key).
  std::string to_text() const;
};

/// Returns the learning rate of optimiser step `step` (from 0) of `total` steps. A schedule that falls reaches
/// minimum_learning_rate at step `total`.
double learning_rate_at(const TrainSettings& settings, std::int64_t step, std::int64_t total);

/// Says how a training run ended. Stored by name: do not change.
enum class TrainOutcome { kCompleted, kDiverged, kStopped, kTimedOut };
std::string to_string(TrainOutcome outcome);

/// Holds one row of history.csv. Training figures are means since the row before; validation figures are those of the
/// whole validation part.
struct HistoryRow {
  std::int64_t step = 0;
  double epoch = 0;
  double learning_rate = 0;
  std::optional<double> train_loss = {}, train_accuracy = {}, validation_loss = {}, validation_accuracy = {};
  bool operator==(const HistoryRow&) const = default;
};

/// Holds the sums over the training batches since the last history row.
struct RunningSums {
  double loss_sum = 0;
  std::int64_t correct = 0;
  std::int64_t rows = 0;  ///< labels, where a row has several
  bool operator==(const RunningSums&) const = default;
};

/// Holds what a finished or interrupted run leaves. Everything needed to continue bit-identically.
struct TrainReport {
  TrainOutcome outcome = TrainOutcome::kCompleted;
  std::string reason;            ///< for kDiverged: "loss is not finite at step 812"
  std::int64_t steps = 0;        ///< optimiser steps taken
  std::int64_t total_steps = 0;  ///< optimiser steps planned
  std::int64_t samples = 0;      ///< training samples seen
  std::vector<HistoryRow> history;
  RunningSums since_row;            ///< what the next history row would report
  std::optional<State> best_state;  ///< by validation loss, where validated
  std::optional<double> best_validation_loss;
  double wall_seconds = 0, cpu_seconds = 0;
};

/// Says from where a run continues (after a checkpoint): the session already holds weights and moments.
struct ResumePoint {
  std::int64_t steps = 0;
  std::vector<HistoryRow> history;
  std::optional<State> best_state;
  std::optional<double> best_validation_loss;
  RunningSums since_row;
  double wall_seconds = 0, cpu_seconds = 0;  ///< of training up to there: the run's clocks go on from them
};

/// Identifies the run for its random draws (shuffles, dropout): (seed, candidate, repeat).
struct RunIdentity {
  std::uint64_t seed = 0;
  std::uint64_t candidate = 0;  ///< first word of the candidate key
  std::uint64_t repeat = 0;
};

/// Is called with (steps done, steps planned, row): after every history row with that row, between rows at most ten
/// times a second with null, and once at the end.
using TrainProgress = std::function<void(std::int64_t, std::int64_t, const HistoryRow*)>;
/// Is called after each epoch with the number of epochs done (periodic checkpoints, intermediate values, pruning):
/// returns false to stop.
using EpochEnd = std::function<bool(std::int64_t epoch, const TrainReport& so_far)>;

/// Says what the steps of intermediate results count. Spelt `epochs`, `samples`, `seconds` in files.
enum class Resource {
  kEpochs,   ///< whole epochs done
  kSamples,  ///< training samples seen
  kSeconds,  ///< whole seconds of training; where a run is looked at then depends on the clock
};

/// Asks `train` to stop for intermediate results: after the first step at which another `interval` of the resource is
/// used up. The state of the run is not touched and its clocks stand still. `call` gets the step (epochs done, samples
/// seen, whole seconds) and returns false to end the run.
struct Interim {
  Resource resource = Resource::kEpochs;
  std::int64_t interval = 1;
  std::function<bool(std::int64_t step, const TrainReport& so_far)> call;
};

/// Asks `train` to hand out the state of the run now and then, so that a killed run loses little: after the first step
/// that ends `interval_seconds` of training or more since the start or the last call. The clocks of the run stand
/// still; nothing that results depend on is touched. No call: never.
struct Saving {
  double interval_seconds = 60;
  std::function<void(const TrainReport& so_far)> call = {};
};

/// Holds who else has to do with a run, and from where it goes on.
struct TrainHooks {
  TrainProgress progress = {};
  EpochEnd epoch_end = {};
  Interim interim = {};
  Saving saving = {};
  const ResumePoint* resume = nullptr;  ///< null: the run begins
};

/// Trains. The learning-rate schedule spans the steps that are taken. Batches: the training rows in an order shuffled
/// per epoch by (identity, epoch), see shuffle_rows, cut into batch_size; the last short batch is kept, and a batch of
/// one row joins the one before it when an op couples the batch's rows. Diverged means a loss that is not finite. The
/// stop token is looked at after every step, the clock about every ten milliseconds (at least every step where steps
/// are slower). A run that is stopped and resumed gives the same bits as one that is not. The session must hold the
/// initial state; its optimiser is set here unless resuming. Throws UserError as check_augmentation before the first
/// step.
TrainReport train(Session& session, const ir::Graph& graph, const data::Dataset& dataset, const TrainSettings& settings,
                  const RunIdentity& identity, const StopToken& stop, const TrainHooks& hooks = {});

/// Returns the optimiser steps that `train` plans for so many training rows.
std::int64_t planned_steps(const TrainSettings& settings, const ir::Graph& graph, std::int64_t train_rows);
/// Returns the rows of the largest batch that `train` will use: what SessionSettings::batch_size must be. It is one
/// more than the setting where a one-row batch joins the one before.
std::int64_t largest_batch(const TrainSettings& settings, const ir::Graph& graph, std::int64_t train_rows);

}  // namespace lathe::engine
