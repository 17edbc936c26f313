#include "lathe/trial/machine_gate.h"

#include "lathe/base/profile.h"

namespace lathe::trial {

void MachineGate::enter(bool alone) {
  const PhaseScope waits(Phase::kIdle);
  std::unique_lock lock(mutex_);
  if (alone) {
    ++waiting_alone_;
    changed_.wait(lock, [&] { return running_ == 0 && !alone_; });
    --waiting_alone_;
    alone_ = true;
  } else {
    changed_.wait(lock, [&] { return !alone_ && waiting_alone_ == 0; });
    ++running_;
  }
}

void MachineGate::leave(bool alone) {
  {
    const std::lock_guard lock(mutex_);
    if (alone)
      alone_ = false;
    else
      --running_;
  }
  changed_.notify_all();
}

}  // namespace lathe::trial
