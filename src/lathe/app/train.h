#pragma once

#include <functional>

#include "lathe/app/request.h"
#include "lathe/app/training.h"

/// A training with its files: what `lathe train` does, for any program.
namespace lathe::app {

struct TrainOptions {
  const engine::StopToken* stop = nullptr;  ///< ends it tidily; `resume` goes on from there
  /// Is called once the folder of the training is there, before its first step.
  std::function<void()> begun = {};
};

/// Reads data, network and recipe of a training and finds them to fit. Writes nothing. With `resume` the job continues
/// the interrupted run of the same network and settings in the project. Throws UserError and DataError.
TrainingJob ready_training(const Request& request, bool resume = false);

/// Runs a training to its end: makes the project, its folder and run.log, and writes its files (run_training).
/// Throws SystemError.
TrainingResult train_network(const Request& request, TrainingJob& job, const TrainOptions& options = {});

}  // namespace lathe::app
