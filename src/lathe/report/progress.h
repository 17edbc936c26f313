#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace lathe::report {

/// Holds what one drawing of a progress bar shows.
struct ProgressView {
  std::string label = {};  ///< before the bar; may be empty
  std::int64_t done = 0;
  std::int64_t total = 0;  ///< 0: unknown; no bar, percentage or remaining time then
  double elapsed_seconds = 0;
  std::string unit = {};    ///< `trials`; "B" prints sizes as 1.5 MB
  std::string suffix = {};  ///< `Best trial: 3. Best value: 0.712`; may be empty
};

/// Prints one line of at most `width` columns:
/// `search  43%|████▎     | 13/30 [00:12<00:16, 1.07 trials/s] Best trial: 3. Best value: 0.712`.
/// The bar gives way first (down to 8 columns), then the suffix is cut.
std::string progress_line(const ProgressView& view, int width, bool unicode);

/// Holds how a progress bar is shown.
struct ProgressSettings {
  std::string label = {};
  std::int64_t total = 0;  ///< 0: unknown
  std::string unit = "steps";
  int descriptor = 2;        ///< standard error
  double delay_seconds = 2;  ///< nothing is shown for work that ends sooner
};

/// Shows a progress bar on a terminal's last line, from `delay_seconds` on, redrawn at most ten times a second and once
/// a second while nothing advances. Silent where the descriptor is no terminal, and while another bar is shown (the
/// outer one stays). Thread safe; `advance` costs one atomic addition. The line is removed by `finish` or the
/// destructor.
class ProgressBar {
 public:
  explicit ProgressBar(ProgressSettings settings);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void advance(std::int64_t count = 1);
  /// Sets the number of steps done.
  void set_done(std::int64_t done);
  /// Sets the total, where it becomes known late.
  void set_total(std::int64_t total);
  void set_suffix(std::string suffix);
  /// Removes the bar for good; later calls have no effect.
  void finish();

  /// Removes a bar from the terminal so that a message can be written; the bar comes back within 0.2 s. Give it to
  /// log::log_to_terminal. Thread safe.
  static void clear_line();

 private:
  class Painter;
  std::unique_ptr<Painter> painter_;  ///< null where nothing is ever shown
};

}  // namespace lathe::report
