#include "lathe/base/log.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/threads.h"
#include "log_lines.h"
#include "program.h"

namespace lathe::log {
namespace {

TEST(Log, AScopeTakesTheMessagesOfItsThreadAndOfThoseItStarts) {
  const Capture program;
  testing::LogLines outer, inner;
  {
    const Scope scope(&outer);
    info("one");
    start_thread("a test", [] { warning("two"); }).join();
    {
      const Scope nested(&inner);
      info("three\x1b");
    }
    info("four");
  }
  info("five");
  EXPECT_EQ(outer.text(), "one\ntwo\nfour\n");
  EXPECT_EQ(inner.text(), "three\\x1b\n");
  EXPECT_EQ(program.text(), "info five\n");
}

TEST(Log, AFileGetsWhatItsThreadsSayAndPassesItOn) {
  const testing::TemporaryFolder folder;
  const Capture program;
  {
    const FileScope file(folder.path() / "run.log");
    info("to both");
    start_thread("a test", [] { info("from a thread"); }).join();
  }
  info("after");
  EXPECT_EQ(program.text(), "info to both\ninfo from a thread\ninfo after\n");
  const std::string text = read_text_file(folder.path() / "run.log");
  EXPECT_NE(text.find("info     to both\n"), std::string::npos) << text;
  EXPECT_NE(text.find("info     from a thread\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("after"), std::string::npos);
}

TEST(Log, WhatIsSaidOnceIsOncePerLog) {
  const testing::TemporaryFolder folder;
  const Capture program;
  for (const char* name : {"first.log", "second.log"}) {
    const FileScope file(folder.path() / name);
    warning_once("mind the step");
    warning_once("mind the step");
  }
  EXPECT_EQ(program.text(), "warning mind the step\n");
  for (const char* name : {"first.log", "second.log"}) {
    const std::string text = read_text_file(folder.path() / name);
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << name;
  }
}

TEST(Log, AFullDiskLosesLinesOfTheFileAndNothingElse) {
  const Capture program;
  const FileScope file("/dev/full");
  for (int i = 0; i < 10'000; ++i) info("{}", std::string(100, 'x'));
  warning("said all the same");
  EXPECT_TRUE(program.text().ends_with("warning said all the same\n"));
}

TEST(Log, AFileThatCannotBeOpenedIsAnError) {
  const testing::TemporaryFolder folder;
  EXPECT_THROW(FileSink(folder.path()), SystemError);
}

}  // namespace
}  // namespace lathe::log
