#pragma once

#include <condition_variable>
#include <mutex>

namespace lathe::trial {

/// Lets many trials run, or one measurement alone: while somebody measures, the other trials pause between their
/// phases. Fair: who waits to measure is not overtaken by new trials. Thread safe.
class MachineGate {
 public:
  /// Has the machine while it lives, with others or alone; waits for it.
  class Stay {
   public:
    Stay(MachineGate& gate, bool alone) : gate_(gate), alone_(alone) { gate_.enter(alone_); }
    ~Stay() { gate_.leave(alone_); }
    Stay(const Stay&) = delete;
    Stay& operator=(const Stay&) = delete;

   private:
    MachineGate& gate_;
    bool alone_;
  };

 private:
  void enter(bool alone);
  void leave(bool alone);

  std::mutex mutex_;
  std::condition_variable changed_;
  int running_ = 0;
  int waiting_alone_ = 0;
  bool alone_ = false;
};

}  // namespace lathe::trial
