#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "lathe/app/training_folder.h"
#include "lathe/base/progress.h"
#include "lathe/checkpoint/checkpoint.h"
#include "lathe/data/dataset.h"
#include "lathe/engine/backend.h"
#include "lathe/engine/train.h"

namespace lathe::app {

/// Holds a training run that writes its files: the network and its weights may come from the zoo, a checkpoint or a
/// trial of a search.
struct TrainingJob {
  ir::Graph graph;
  std::optional<engine::State> state;  ///< weights to start from; fresh ones when absent
  std::shared_ptr<const data::Dataset> dataset;
  std::shared_ptr<const engine::Backend> backend;
  engine::TrainSettings settings;
  int threads = 1;
  engine::Precision precision = engine::Precision::kFloat32;
  std::uint64_t seed = 0;
  std::filesystem::path project;
  std::filesystem::path folder = {};  ///< of this training; see training_folder.h
  bool resume = false;                ///< continue from the last.resume.safetensors of the folder
  bool publish = true;                ///< make its files those of PROJECT/training_ckpts
  bool test = false;                  ///< score the last state on the test rows, once
  /// Random identity of a trial of a study; that of the graph's text (run_identity) otherwise.
  std::optional<engine::RunIdentity> identity = std::nullopt;
  std::int64_t evaluation_batch = 1;            ///< rows of a batch of evaluation, at least
  std::optional<std::int64_t> validation_rows;  ///< the first so many are evaluated; nullopt: all
};

/// Holds what a run gives. Absent figures: no validation rows, or the run ended before its first validation.
struct TrainingResult {
  engine::TrainReport report;
  std::optional<engine::EvaluationResult> best;  ///< of the state in best.safetensors, on validation rows
  std::optional<engine::EvaluationResult> last;  ///< of the state in last.safetensors, on validation rows
  std::optional<engine::EvaluationResult> test;  ///< of the last state, where it was wanted
  bool files_written = false;                    ///< false where the run diverged before anything was worth keeping
};

/// Checks before anything is written that the network fits the data, that batches can be cut and, with `resume`, that
/// there is an interrupted run of the same settings. Throws what run_training would throw.
void check_training(const TrainingJob& job);

/// Returns the folder of the training that --resume continues: of those of the same network in the project the newest
/// one with the settings of the job, else what an earlier version of lathe left in PROJECT/training_ckpts. Throws as
/// run_training does where nothing fits.
std::filesystem::path training_to_resume(const TrainingJob& job, const std::string& name);

/// Trains and writes best.safetensors, last.safetensors, last.resume.safetensors (at the end and, of long runs, every
/// few seconds at an epoch's end) and history.csv into the job's folder, and copies into the project. The best state is
/// the one with the smallest validation loss; without validation rows it is the last. A diverged run keeps the best
/// state that it had and no last one. Throws UserError when `resume` does not fit the interrupted run (what differs is
/// named), DataError when there is none.
TrainingResult run_training(const TrainingJob& job, const engine::StopToken& stop, Progress* progress = nullptr);

/// Returns the random identity of a run outside a search: the candidate is the hash of the graph's text.
engine::RunIdentity run_identity(const ir::Graph& graph, std::uint64_t seed);

/// Checks that a network takes the features of a data set and has an output per class or target. Throws UserError.
void check_fits(const ir::Graph& graph, const data::Dataset& dataset);

}  // namespace lathe::app
