#pragma once

#include <nlohmann/json_fwd.hpp>

#include "lathe/app/training.h"

namespace lathe::app {

/// Returns how many rows a training saw per second; 0 where it took no time.
double samples_per_second(const engine::TrainReport& report);

/// Returns what a training was and came to, for JSON output.
nlohmann::ordered_json training_json(const TrainingJob& job, const TrainingResult& result);

}  // namespace lathe::app
