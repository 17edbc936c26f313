#pragma once

#include <cstdint>

#include "lathe/engine/train.h"

namespace lathe::engine {

/// Says how the training rows are cut into mini-batches and optimiser steps. All counts are fixed before the first
/// step. A step takes `accumulate` mini-batches; the last step of an epoch takes what is left of it.
struct BatchPlan {
  std::int64_t rows = 0;  ///< training rows
  std::int64_t batch_size = 0;
  std::int64_t batches = 0;        ///< mini-batches of an epoch
  std::int64_t accumulate = 1;     ///< mini-batches of a step
  std::int64_t total_batches = 0;  ///< mini-batches of the run (before max_steps)
  std::int64_t steps_per_epoch = 0;
  std::int64_t total_steps = 0;

  /// Returns the first position and the end of mini-batch `batch` in the epoch's order. The last one takes all rows
  /// that are left: it may be short, or one longer than batch_size where a single row joined it.
  std::int64_t begin(std::int64_t batch) const { return batch * batch_size; }
  std::int64_t end(std::int64_t batch) const { return batch + 1 == batches ? rows : (batch + 1) * batch_size; }
  /// Returns the mini-batches that epoch `epoch` takes (the last epoch may be cut by num_samples).
  std::int64_t batches_in(std::int64_t epoch) const;
};

/// Makes the plan of a run. Throws UserError when there are no rows, a setting is not positive, or a batch would hold a
/// single row while an op couples the rows of a batch (batch norm).
BatchPlan plan_batches(const TrainSettings& settings, const ir::Graph& graph, std::int64_t train_rows);

}  // namespace lathe::engine
