#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "lathe/base/progress.h"

namespace lathe::app {

/// Counts what has ended of a piece of work that several threads do. Thread safe.
class ProgressCount {
 public:
  ProgressCount(Progress* progress, const ProgressLabel& label) : task_(begin_progress(progress, label)) {}

  void advance(std::int64_t count = 1) { task_->set_done(done_ += count); }
  void set_suffix(std::string suffix) { task_->set_suffix(std::move(suffix)); }

 private:
  std::unique_ptr<ProgressTask> task_;
  std::atomic<std::int64_t> done_ = 0;
};

}  // namespace lathe::app
