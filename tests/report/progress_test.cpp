#include "lathe/report/progress.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <chrono>
#include <thread>

namespace lathe::report {
namespace {

ProgressView half_way() { return {"search", 13, 30, 12.2, "trials", "Best trial: 3. Best value: 0.712"}; }

TEST(Progress, LineShowsWhatMaseShows) {
  EXPECT_EQ(progress_line(half_way(), 100, false),
            "search  43%|########           | 13/30 [00:12<00:16, 1.07 trials/s] Best trial: 3. Best value: 0.712");
  EXPECT_EQ(progress_line(half_way(), 60, true), "search  43%|███▍    | 13/30 [00:12<00:16, 1.07 trials/s] Be…");
}

TEST(Progress, LineWithoutTotalHasNoBar) {
  EXPECT_EQ(progress_line({"read", 1200, 0, 4, "rows", ""}, 80, false), "read 1200 rows [00:04, 300 rows/s]");
}

TEST(Progress, BytesAndSlowRates) {
  EXPECT_EQ(progress_line({"", 1'500'000, 3'000'000, 1, "B", ""}, 70, false),
            " 50%|#############             | 1.5 MB/3.0 MB [00:01<00:01, 1.5 MB/s]");
  EXPECT_EQ(progress_line({"", 1, 4, 4000, "trials", ""}, 60, false),
            " 25%|####               | 1/4 [1:06:40<3:20:00, 4000 s each]");
  EXPECT_EQ(progress_line({"", 0, 4, 4, "trials", ""}, 50, false),
            "  0%|                  | 0/4 [00:04<?, ? trials/s]");
}

TEST(Progress, IsSilentWhereNoTerminalIs) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  {
    ProgressBar bar({.label = "x", .total = 10, .unit = "steps", .descriptor = ends[1], .delay_seconds = 0});
    for (int i = 0; i < 10; ++i) bar.advance();
    bar.set_suffix("y");
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    ProgressBar::clear_line();
  }
  ::close(ends[1]);
  char byte = 0;
  EXPECT_EQ(::read(ends[0], &byte, 1), 0);
  ::close(ends[0]);
}

/// A terminal of 80 columns whose output can be read.
class Terminal {
 public:
  Terminal() {
    ::setenv("TERM", "xterm", 1);
    winsize size{};
    size.ws_col = 80;
    EXPECT_EQ(::openpty(&reading_, &writing_, nullptr, nullptr, &size), 0);
    ::fcntl(reading_, F_SETFL, O_NONBLOCK);
  }
  ~Terminal() {
    ::close(reading_);
    ::close(writing_);
  }
  int descriptor() const { return writing_; }
  std::string text() const {
    std::string text;
    char buffer[4096];
    for (ssize_t count = 0; (count = ::read(reading_, buffer, sizeof buffer)) > 0;) {
      text.append(buffer, static_cast<std::size_t>(count));
    }
    return text;
  }

 private:
  int reading_ = -1, writing_ = -1;
};

// Waits for what the painting thread writes, however busy the machine is.
bool shows(const Terminal& terminal, const std::string& part) {
  std::string text;
  while (text.find(part) == std::string::npos) {
    text += terminal.text();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Progress, DrawsAndGivesWayToMessages) {
  const Terminal terminal;
  {
    ProgressBar bar(
        {.label = "search", .total = 10, .unit = "trials", .descriptor = terminal.descriptor(), .delay_seconds = 0});
    bar.advance(4);
    EXPECT_TRUE(shows(terminal, "4/10 ["));
    terminal.text();
    ProgressBar::clear_line();
    const std::string cleared = terminal.text();
    EXPECT_TRUE(contains(cleared, "\r\033[K")) << cleared;
    EXPECT_TRUE(shows(terminal, "4/10 [")) << "the bar comes back";
  }
  const std::string end = terminal.text();
  EXPECT_EQ(end.substr(end.size() - 4), "\r\033[K") << "and leaves nothing behind";
}

TEST(Progress, ShortWorkShowsNothing) {
  const Terminal terminal;
  {
    ProgressBar bar(
        {.label = "x", .total = 2, .unit = "steps", .descriptor = terminal.descriptor(), .delay_seconds = 3600});
    bar.advance();
  }
  EXPECT_EQ(terminal.text(), "");
}

TEST(Progress, TheOuterBarStays) {
  const Terminal terminal;
  ProgressBar outer(
      {.label = "outer", .total = 2, .unit = "steps", .descriptor = terminal.descriptor(), .delay_seconds = 0});
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  {
    ProgressBar inner(
        {.label = "inner", .total = 2, .unit = "steps", .descriptor = terminal.descriptor(), .delay_seconds = 0});
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
  }
  outer.finish();
  outer.advance();
  EXPECT_FALSE(contains(terminal.text(), "inner"));
}

}  // namespace
}  // namespace lathe::report
