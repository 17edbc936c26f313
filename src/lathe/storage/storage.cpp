#include "lathe/storage/storage.h"

#include "lathe/base/check.h"

namespace lathe::storage {

std::string to_string(TrialState state) {
  switch (state) {
    case TrialState::kRunning: return "RUNNING";
    case TrialState::kComplete: return "COMPLETE";
    case TrialState::kPruned: return "PRUNED";
    case TrialState::kFail: return "FAIL";
    case TrialState::kWaiting: return "WAITING";
  }
  throw InternalError("a trial state without a name");
}

std::string to_string(Direction direction) {
  switch (direction) {
    case Direction::kNotSet: return "NOT_SET";
    case Direction::kMinimize: return "MINIMIZE";
    case Direction::kMaximize: return "MAXIMIZE";
  }
  throw InternalError("a direction without a name");
}

}  // namespace lathe::storage
