#include "lathe/base/threads.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>

#include "lathe/base/error.h"
#include "lathe/base/log.h"

namespace lathe {
namespace {

// Takes the right to start threads from this process: the limit does not hold for root.
void forbid_threads() {
  if (::geteuid() == 0 && ::setuid(65534) != 0) std::_Exit(90);
  const rlimit none{1, 1};
  if (::setrlimit(RLIMIT_NPROC, &none) != 0) std::_Exit(91);
}

// Runs in a child process, which says on standard error what it got.
[[noreturn]] void report_without_threads(const std::function<void()>& action) {
  forbid_threads();
  try {
    action();
  } catch (const SystemError& error) {
    std::fputs(error.what(), stderr);
  }
  std::_Exit(0);
}

TEST(Threads, AreJoinedAndDoTheWork) {
  std::atomic<int> done = 0;
  {
    ThreadGroup group;
    group.start_others(4, [&] { ++done; });
    check_threads(2);
  }
  EXPECT_EQ(done, 3);
}

TEST(ThreadsDeathTest, ThatCannotStartAreAnError) {
  EXPECT_EXIT(report_without_threads([] { start_thread("the thread of this test", [] {}); }),
              ::testing::ExitedWithCode(0), "cannot start the thread of this test: Resource temporarily unavailable");
  EXPECT_EXIT(report_without_threads([] { check_threads(3); }), ::testing::ExitedWithCode(0),
              "cannot start thread 1 of 3: Resource temporarily unavailable");
}

TEST(ThreadsDeathTest, AreFewerWhereTheSystemGivesFewer) {
  const auto action = [] {
    const log::Capture capture;
    ThreadGroup group;
    group.start_others(4, [] {});
    std::fputs(capture.text().c_str(), stderr);
  };
  EXPECT_EXIT(report_without_threads(action), ::testing::ExitedWithCode(0),
              "warning cannot start thread 2 of 4: Resource temporarily unavailable; going on with 1");
}

}  // namespace
}  // namespace lathe
