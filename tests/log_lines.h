#pragma once

#include <mutex>
#include <string>

#include "lathe/base/log.h"

namespace lathe::testing {

/// Keeps the messages of a log, a line each.
class LogLines : public log::Sink {
 public:
  void write(log::Level, std::string_view text) override {
    const std::lock_guard lock(mutex_);
    text_.append(text).append("\n");
  }
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  mutable std::mutex mutex_;
  std::string text_;
};

}  // namespace lathe::testing
