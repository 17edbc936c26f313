#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>

#include "lathe/engine/train.h"

namespace lathe::trial {

/// Shares the memory of the machine among the trials of a process by what they plan to use. Thread safe. Fair: who
/// waits is not overtaken by later, smaller trials. A trial holds at most one share, so that no two wait for each
/// other.
class MemoryBudget {
 public:
  /// Holds a part of the budget while it lives; waits for it.
  class Share {
   public:
    Share(MemoryBudget& budget, std::int64_t bytes, const engine::StopToken& stop);
    ~Share();
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    /// False where `stop` was requested before there was room.
    bool granted() const { return granted_; }
    /// Tells whether no other share was held when this one was granted.
    bool alone() const { return alone_; }

   private:
    MemoryBudget& budget_;
    std::int64_t bytes_;
    bool granted_ = false, alone_ = false;
  };

  /// `most` are the bytes in all; nullopt: no limit. `origin` says where the limit comes from, for the user.
  MemoryBudget(std::optional<std::int64_t> most, std::string origin);
  /// Says why so many bytes can never be had, with both figures: `needs 31.2 GB, max_memory is 20.1 GB`.
  std::optional<std::string> refusal(std::int64_t bytes) const;
  /// Returns how many wait for a share.
  std::size_t waiting() const;

 private:
  bool enter(std::int64_t bytes, const engine::StopToken& stop, bool& alone);
  void leave(std::int64_t bytes);
  bool fits(std::int64_t bytes) const { return !most_ || used_ + bytes <= *most_; }

  std::optional<std::int64_t> most_;
  std::string origin_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t used_ = 0, holders_ = 0, next_ticket_ = 0;
  std::deque<std::int64_t> queue_;  ///< tickets of those who wait, the first to be served in front
};

}  // namespace lathe::trial
