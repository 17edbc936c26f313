#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "lathe/checkpoint/checkpoint.h"
#include "lathe/data/dataset.h"
#include "lathe/engine/backend.h"
#include "lathe/engine/train.h"

namespace lathe::cli {

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
  std::filesystem::path folder;  ///< project folder
  bool resume = false;           ///< continue from training_ckpts/last.resume.safetensors
};

/// Names the files of a run.
struct TrainingFiles {
  explicit TrainingFiles(const std::filesystem::path& folder);
  std::filesystem::path best, last, resume, history;
};

/// Holds what a run gives. Absent figures: no validation rows, or the run ended before its first validation.
struct TrainingResult {
  engine::TrainReport report;
  std::optional<engine::EvaluationResult> best;  ///< of the state in best.safetensors, on validation rows
  std::optional<engine::EvaluationResult> last;  ///< of the state in last.safetensors, on validation rows
  bool files_written = false;                    ///< false where the run diverged before anything was worth keeping
};

/// Checks before anything is written that the network fits the data, that batches can be cut and, with `resume`, that
/// there is an interrupted run of the same settings. Throws what run_training would throw.
void check_training(const TrainingJob& job);

/// Trains and writes best.safetensors, last.safetensors, last.resume.safetensors (at the end and, of long runs, every
/// few seconds at an epoch's end) and history.csv. The best state is the one with the smallest validation loss; without
/// validation rows it is the last. A diverged run keeps the best state that it had and no last one. Throws UserError
/// when `resume` does not fit the interrupted run (what differs is named), DataError when there is none.
TrainingResult run_training(const TrainingJob& job, const engine::StopToken& stop,
                            const engine::TrainProgress& progress);

/// Returns the random identity of a run outside a search: the candidate is the hash of the graph's text.
engine::RunIdentity run_identity(const ir::Graph& graph, std::uint64_t seed);

/// Checks that a network takes the features of a data set and has an output per class or target. Throws UserError.
void check_fits(const ir::Graph& graph, const data::Dataset& dataset);

}  // namespace lathe::cli
