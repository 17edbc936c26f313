#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "lathe/base/error.h"
#include "lathe/cli/training.h"

/// What `lathe train` shows of a training.
namespace lathe::cli {

/// Trains with a progress bar; Ctrl-C ends it tidily.
TrainingResult train_with_progress(const TrainingJob& job);

/// Returns the document that --json prints.
nlohmann::ordered_json training_json(const TrainingJob& job, const TrainingResult& result);
/// Prints how the training went, its figures and where its files are.
std::string training_text(const TrainingJob& job, const TrainingResult& result);

ExitCode exit_code_of(engine::TrainOutcome outcome);

}  // namespace lathe::cli
