#include "lathe/trial/memory_budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "lathe/base/process_memory.h"
#include "lathe/base/profile.h"

namespace lathe::trial {
namespace {

// How often one who waits looks whether the study was stopped.
constexpr std::chrono::milliseconds kLook{100};

}  // namespace

MemoryBudget::Share::Share(MemoryBudget& budget, std::int64_t bytes, const engine::StopToken& stop)
    : budget_(budget), bytes_(bytes) {
  granted_ = budget.enter(bytes, stop, alone_);
}

MemoryBudget::Share::~Share() {
  if (granted_) budget_.leave(bytes_);
}

MemoryBudget::MemoryBudget(std::optional<std::int64_t> most, std::string origin)
    : most_(most), origin_(std::move(origin)) {}

std::optional<std::string> MemoryBudget::refusal(std::int64_t bytes) const {
  if (!most_ || bytes <= *most_) return std::nullopt;
  return fmt::format("needs {}, max_memory is {}{}", memory_text(bytes), memory_text(*most_), origin_);
}

std::size_t MemoryBudget::waiting() const {
  const std::lock_guard lock(mutex_);
  return queue_.size();
}

bool MemoryBudget::enter(std::int64_t bytes, const engine::StopToken& stop, bool& alone) {
  const PhaseScope waits(Phase::kIdle);
  std::unique_lock lock(mutex_);
  const std::int64_t ticket = next_ticket_++;
  queue_.push_back(ticket);
  const auto served = [&] { return queue_.front() == ticket && (fits(bytes) || holders_ == 0); };
  while (!served()) {
    if (stop.requested()) {
      std::erase(queue_, ticket);
      changed_.notify_all();
      return false;
    }
    changed_.wait_for(lock, kLook);
  }
  queue_.pop_front();
  alone = holders_ == 0;
  ++holders_;
  used_ += bytes;
  changed_.notify_all();
  return true;
}

void MemoryBudget::leave(std::int64_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    used_ -= bytes;
    --holders_;
  }
  changed_.notify_all();
}

}  // namespace lathe::trial
