#include "lathe/base/trial_state.h"

#include "lathe/base/error.h"

namespace lathe {

std::string to_string(TrialState state) {
  switch (state) {
    case TrialState::kRunning: return "RUNNING";
    case TrialState::kComplete: return "COMPLETE";
    case TrialState::kPruned: return "PRUNED";
    case TrialState::kFail: return "FAIL";
    case TrialState::kWaiting: return "WAITING";
  }
  throw InternalError("unknown trial state");
}

std::string to_string(Direction direction) { return direction == Direction::kMaximize ? "MAXIMIZE" : "MINIMIZE"; }

}  // namespace lathe
