#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace lathe {

/// Is told how far a piece of work is. Calls may come from several threads. The work has ended when it goes.
class ProgressTask {
 public:
  virtual ~ProgressTask() = default;
  virtual void set_done(std::int64_t done) = 0;
  /// Sets the total, where it becomes known late.
  virtual void set_total(std::int64_t total) = 0;
  /// Says something beside the numbers: `Best trial: 3. Best value: 0.712`.
  virtual void set_suffix(std::string suffix) = 0;
};

/// Names a piece of work.
struct ProgressLabel {
  std::string label;       ///< `search`
  std::int64_t total = 0;  ///< 0: unknown
  std::string unit;        ///< `trials`
};

/// Shows work that is going on: a progress bar, a widget, a counter.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual std::unique_ptr<ProgressTask> begin(const ProgressLabel& label) = 0;
};

/// Begins a piece of work that `progress` shows; null: nobody looks.
std::unique_ptr<ProgressTask> begin_progress(Progress* progress, const ProgressLabel& label);

}  // namespace lathe
