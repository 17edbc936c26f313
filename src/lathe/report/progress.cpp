#include "lathe/report/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "lathe/base/error.h"
#include "lathe/base/threads.h"
#include "lathe/report/table.h"
#include "lathe/report/terminal.h"

namespace lathe::report {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kLongestBar = 30;
constexpr int kShortestBar = 8;
constexpr auto kRedrawPeriod = std::chrono::milliseconds(100);
constexpr auto kIdleRedrawPeriod = std::chrono::seconds(1);
/// How long a bar stays away after clear_line: the message is written meanwhile.
constexpr auto kMessagePause = std::chrono::milliseconds(100);

/// Guards the terminal's last line, which all bars and the log share.
struct LastLine {
  std::mutex mutex;
  const void* owner = nullptr;  ///< the bar that may draw
  int descriptor = 2;
  bool drawn = false;
  Clock::time_point quiet_until{};

  void write(const std::string& text) const {
    std::size_t done = 0;
    while (done < text.size()) {
      const ssize_t count = ::write(descriptor, text.data() + done, text.size() - done);
      if (count <= 0) return;
      done += static_cast<std::size_t>(count);
    }
  }
  void erase() {
    if (drawn) write("\r\033[K");
    drawn = false;
  }
};

LastLine& last_line() {
  static LastLine instance;
  return instance;
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  if (whole < 3600) return fmt::format("{:02}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string size_text(double bytes) {
  constexpr std::array<const char*, 5> kUnits{"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < kUnits.size()) {
    bytes /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::string amount_text(const ProgressView& view) {
  const bool bytes = view.unit == "B";
  const auto amount = [&](std::int64_t count) {
    return bytes ? size_text(static_cast<double>(count)) : fmt::format("{}", count);
  };
  if (view.total > 0) return fmt::format("{}/{}", amount(view.done), amount(view.total));
  return bytes ? amount(view.done) : fmt::format("{} {}", view.done, view.unit);
}

std::string rate_text(const ProgressView& view) {
  if (view.done == 0 || view.elapsed_seconds <= 0) return "? " + view.unit + "/s";
  const double rate = static_cast<double>(view.done) / view.elapsed_seconds;
  if (view.unit == "B") return size_text(rate) + "/s";
  if (rate < 0.1) return fmt::format("{:.{}f} s each", 1 / rate, rate > 0.01 ? 1 : 0);
  return fmt::format("{:.{}f} {}/s", rate, rate < 10 ? 2 : rate < 100 ? 1 : 0, view.unit);
}

std::string time_text(const ProgressView& view) {
  const std::string elapsed = duration_text(view.elapsed_seconds);
  if (view.total <= 0) return elapsed;
  if (view.done == 0) return elapsed + "<?";
  const double rest = static_cast<double>(std::max<std::int64_t>(0, view.total - view.done));
  return elapsed + "<" + duration_text(view.elapsed_seconds / static_cast<double>(view.done) * rest);
}

std::string bar_text(double fraction, int columns, bool unicode) {
  if (!unicode) {
    const auto full = static_cast<std::size_t>(fraction * columns);
    return std::string(full, '#') + std::string(static_cast<std::size_t>(columns) - full, ' ');
  }
  constexpr std::array<const char*, 8> kEighths{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const auto eighths = static_cast<int>(fraction * columns * 8);
  std::string text;
  for (int i = 0; i < eighths / 8; ++i) text += "█";
  text += kEighths[static_cast<std::size_t>(eighths % 8)];
  const int used = eighths / 8 + (eighths % 8 != 0 ? 1 : 0);
  return text + std::string(static_cast<std::size_t>(columns - used), ' ');
}

}  // namespace

std::string progress_line(const ProgressView& view, int width, bool unicode) {
  const std::string front = view.label.empty() ? std::string() : view.label + " ";
  const std::string back = fmt::format("{} [{}, {}]{}{}", amount_text(view), time_text(view), rate_text(view),
                                       view.suffix.empty() ? "" : " ", view.suffix);
  if (view.total <= 0) return cut_to_width(front + back, width, unicode);
  const double fraction = std::clamp(static_cast<double>(view.done) / static_cast<double>(view.total), 0.0, 1.0);
  const std::string percent = fmt::format("{:3.0f}%|", std::floor(fraction * 100));
  const int room = width - display_width(front) - display_width(percent) - display_width(back) - 2;
  const std::string bar = bar_text(fraction, std::clamp(room, kShortestBar, kLongestBar), unicode);
  return cut_to_width(front + percent + bar + "| " + back, width, unicode);
}

/// Draws one bar from a thread of its own, so that the work is never held up by a terminal.
class ProgressBar::Painter {
 public:
  explicit Painter(ProgressSettings settings)
      : settings_(std::move(settings)),
        total_(settings_.total),
        unicode_(unicode_locale()),
        thread_(start_thread("the thread that draws the progress", [this] { run(); })) {}

  ~Painter() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
    release();
  }

  void advance(std::int64_t count) { done_.fetch_add(count, std::memory_order_relaxed); }
  void set_done(std::int64_t done) { done_.store(done, std::memory_order_relaxed); }
  void set_total(std::int64_t total) { total_.store(total, std::memory_order_relaxed); }
  void set_suffix(std::string suffix) {
    const std::lock_guard lock(mutex_);
    suffix_ = std::move(suffix);
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, std::chrono::duration<double>(settings_.delay_seconds), [this] { return stopping_; });
    while (!stopping_) {
      draw();
      wake_.wait_for(lock, kRedrawPeriod, [this] { return stopping_; });
    }
  }

  ProgressView view() const {
    return {settings_.label,
            done_.load(std::memory_order_relaxed),
            total_.load(std::memory_order_relaxed),
            std::chrono::duration<double>(Clock::now() - start_).count(),
            settings_.unit,
            suffix_};
  }

  /// Draws when something changed, a second passed, or a message took the line. Called with mutex_ held.
  void draw() {
    LastLine& line = last_line();
    const std::lock_guard lock(line.mutex);
    const Clock::time_point now = Clock::now();
    if (line.owner == nullptr) line.owner = this;
    if (line.owner != this || now < line.quiet_until) return;
    const ProgressView current = view();
    const bool changed =
        current.done != drawn_.done || current.total != drawn_.total || current.suffix != drawn_.suffix;
    if (line.drawn && !changed && now - drawn_at_ < kIdleRedrawPeriod) return;
    line.descriptor = settings_.descriptor;
    line.write(fmt::format("\r{}\033[K", progress_line(current, terminal_width(settings_.descriptor) - 1, unicode_)));
    line.drawn = true;
    drawn_ = current;
    drawn_at_ = now;
  }

  void release() {
    LastLine& line = last_line();
    const std::lock_guard lock(line.mutex);
    if (line.owner != this) return;
    line.erase();
    line.owner = nullptr;
  }

  const ProgressSettings settings_;
  const Clock::time_point start_ = Clock::now();
  std::atomic<std::int64_t> done_ = 0;
  std::atomic<std::int64_t> total_;
  const bool unicode_;
  std::mutex mutex_;  ///< guards suffix_ and stopping_
  std::condition_variable wake_;
  std::string suffix_;
  bool stopping_ = false;
  ProgressView drawn_;
  Clock::time_point drawn_at_{};
  std::thread thread_;  ///< last: it uses all of the above
};

ProgressBar::ProgressBar(ProgressSettings settings) {
  if (!is_terminal(settings.descriptor)) return;
  try {
    painter_ = std::make_unique<Painter>(std::move(settings));
  } catch (const SystemError&) {
    // no bar where there is no thread for it
  }
}

ProgressBar::~ProgressBar() = default;

void ProgressBar::advance(std::int64_t count) {
  if (painter_) painter_->advance(count);
}

void ProgressBar::set_done(std::int64_t done) {
  if (painter_) painter_->set_done(done);
}

void ProgressBar::set_total(std::int64_t total) {
  if (painter_) painter_->set_total(total);
}

void ProgressBar::set_suffix(std::string suffix) {
  if (painter_) painter_->set_suffix(std::move(suffix));
}

void ProgressBar::finish() { painter_.reset(); }

void ProgressBar::clear_line() {
  LastLine& line = last_line();
  const std::lock_guard lock(line.mutex);
  line.erase();
  line.quiet_until = Clock::now() + kMessagePause;
}

}  // namespace lathe::report
