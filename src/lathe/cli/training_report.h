#pragma once

#include <string>

#include "lathe/app/training.h"
#include "lathe/base/error.h"

/// What `lathe train` shows of a training.
namespace lathe::cli {

/// Prints how the training went, its figures and where its files are.
std::string training_text(const app::TrainingJob& job, const app::TrainingResult& result);

ExitCode exit_code_of(engine::TrainOutcome outcome);

}  // namespace lathe::cli
