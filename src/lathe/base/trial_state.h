#pragma once

#include <string>

namespace lathe {

/// Names the states of a trial as Optuna's tables do. Stored by name: do not change.
enum class TrialState { kRunning, kComplete, kPruned, kFail, kWaiting };
/// Prints `RUNNING`, `COMPLETE`, ...
std::string to_string(TrialState state);

/// Names the directions of objectives. Stored by name: do not change.
enum class Direction { kMinimize, kMaximize };
/// Prints `MINIMIZE` or `MAXIMIZE`.
std::string to_string(Direction direction);

}  // namespace lathe
