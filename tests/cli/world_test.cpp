#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "lathe/base/file.h"
#include "program.h"

// The program in a world of hung-up terminals, closed pipes, full disks, removed files and names that nobody should
// have.
namespace lathe::cli {
namespace {

namespace fs = std::filesystem;

// A trial takes milliseconds; there are more than any test waits for.
constexpr const char* kStudy = R"(
model = "jsc-three-linear-layers-logits"
dataset = "jets"
batch_size = 256
project = "p"
[search.search_space.seed.default.config]
name = ["NA"]
[search.search_space.seed.seq_blocks_2.config]
name = ["output_only"]
channel_multiplier = { low = 0.25, high = 16.0, step = 0.0625 }
[search.search_space.seed.seq_blocks_4.config]
name = ["output_only"]
channel_multiplier = { low = 0.25, high = 16.0, step = 0.0625 }
[search.strategy]
eval_mode = false
[search.strategy.sw_runner.basic_train]
num_samples = 1000
optimizer = "adam"
learning_rate = 1e-2
[search.strategy.setup]
n_trials = 4
sampler = "random"
[search.strategy.metrics]
accuracy = { scale = 1.0, direction = "maximize" }
)";
constexpr const char* kSearch = "\"$LATHE_PROGRAM\" search --config study.toml --project-dir .";

// Runs a search in the background with `arguments`, does `then` once it searches, and waits for its end.
std::string meanwhile(const std::string& arguments, const std::string& then) {
  return "{} " + arguments +
         " 2>err & p=$!; until grep -q 'Search started' err || ! kill -0 $p; do sleep 0.02; done 2>/dev/null; " + then +
         "; wait $p; code=$?; cat err >&2; exit $code";
}

class World : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::getenv("LATHE_PROGRAM") == nullptr) GTEST_SKIP() << "LATHE_PROGRAM is not set; run through ctest";
    write_text_file_atomically(path() / "study.toml", kStudy);
  }

  fs::path path() const { return folder_.path(); }
  /// Runs a script of bash in the folder; `{}` stands for the search.
  testing::ProgramResult run(const std::string& script) const {
    const std::string text = fmt::format(fmt::runtime(script), kSearch);
    write_text_file_atomically(captured_.path() / "script", text);
    return testing::run_program(fmt::format("( cd {} && bash {}/script )", path().string(), captured_.path().string()),
                                captured_.path());
  }
  std::string study_list() const { return run("\"$LATHE_PROGRAM\" study list --project-dir .").output; }
  // The files with the results, wherever the study keeps them.
  bool has_results() const {
    for (const auto& entry : fs::recursive_directory_iterator(path())) {
      if (entry.path().filename() == "best.json") return true;
    }
    return false;
  }

 private:
  testing::TemporaryFolder folder_, captured_;
};

#define EXPECT_CONTAINS(text, part) EXPECT_NE(std::string(text).find(part), std::string::npos) << (text)

TEST_F(World, AHangUpEndsTidily) {
  const auto result = run(meanwhile("--n-trials 1000000", "kill -HUP $p"));
  EXPECT_EQ(result.exit_code, 130) << result.errors;
  EXPECT_TRUE(has_results());
}

TEST_F(World, AnIgnoredHangUpStaysIgnored) {
  const auto result = run("trap '' HUP; " + meanwhile("--n-trials 30", "kill -HUP $p"));
  EXPECT_EQ(result.exit_code, 0) << result.errors;
}

TEST_F(World, ItsOwnInterruptIsNoDeathOfAWorker) {
  const auto stopped = run(meanwhile("--n-trials 1000000 --n-jobs 2", "kill -TERM $p"));
  EXPECT_EQ(stopped.exit_code, 130) << stopped.errors;
  const auto resumed = run("{} --resume --n-trials 1");
  EXPECT_EQ(resumed.exit_code, 0) << resumed.errors;
  EXPECT_EQ(resumed.errors.find("died"), std::string::npos) << resumed.errors;
}

TEST_F(World, ReadersThatGoAwayEndNoSearch) {
  for (const char* script : {"( {}; echo $? >code ) | head -1", "( {}; echo $? >code ) 2>&1 >/dev/null | head -1",
                             "( {}; echo $? >code ) 2>&1 | true"}) {
    run(script);
    EXPECT_EQ(testing::file_text(path() / "code"), "0\n") << script;
    EXPECT_TRUE(has_results());
    fs::remove_all(path() / "p");
    fs::remove(path() / "code");
  }
}

TEST_F(World, AnOutputThatIsClosedOrFullEndsNoSearch) {
  for (const auto& [script, code] : {std::pair("{} >&- 2>&-", 0), std::pair("{} >/dev/full", 5)}) {
    const auto result = run(script);
    EXPECT_EQ(result.exit_code, code) << script << result.errors;
    EXPECT_TRUE(has_results()) << script;
    fs::remove_all(path() / "p");
  }
}

TEST_F(World, AStudyFileThatIsRemovedIsNoticed) {
  const auto result = run(meanwhile("--n-trials 1000000", "rm -f $(find p -name 'study.db*')"));
  EXPECT_EQ(result.exit_code, 5) << result.errors;
  EXPECT_CONTAINS(result.errors, "the study file was removed or replaced while it ran");
  EXPECT_CONTAINS(result.errors, "the study is not there any more and cannot be resumed");
  EXPECT_TRUE(has_results());
}

TEST_F(World, AStudyFileThatIsReplacedIsNoticed) {
  ASSERT_EQ(run("{} --storage other.db --project q").exit_code, 0);
  const auto result = run(meanwhile("--n-trials 1000000", "mv other.db $(find p -name study.db)"));
  EXPECT_EQ(result.exit_code, 5) << result.errors;
  EXPECT_CONTAINS(result.errors, "the study file was removed or replaced while it ran");
}

// The limit of a file's size stands for a full disk: both refuse the write.
TEST_F(World, ADiskThatWasFullAtTheStartLeavesWhatCanGoOn) {
  const auto full = run("ulimit -f 16; {} --quiet >/dev/null");
  EXPECT_EQ(full.exit_code, 5) << full.errors;
  const auto resumed = run("{} --resume");
  EXPECT_EQ(resumed.exit_code, 0) << resumed.errors;
  EXPECT_TRUE(has_results());
}

TEST_F(World, TheLastWordOnAFullDiskSaysWhatIsSafe) {
  const auto full = run("ulimit -f 400; {} --n-trials 100000 --quiet >/dev/null");
  EXPECT_EQ(full.exit_code, 5) << full.errors;
  EXPECT_CONTAINS(full.errors, " trials of the study \"p\" had ended and are stored in sqlite:///");
  EXPECT_CONTAINS(full.errors, "the same command with --resume goes on from there");
  EXPECT_EQ(run("{} --resume --n-trials 1").exit_code, 0);
}

TEST_F(World, EscapeSequencesOfNamesReachNoTerminal) {
  const std::string name = "$'a\\x01\\x1b[31mred\\xc2\\x9b'";
  const auto result = run("{} --study " + name);
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  const std::string list = study_list();
  EXPECT_CONTAINS(list, "a\\x01\\x1b[31mred\\u009b");
  const std::string shown = result.output + result.errors + list +
                            run("\"$LATHE_PROGRAM\" study show --project-dir . " + name).output +
                            run("\"$LATHE_PROGRAM\" study show --project-dir . x" + name).errors;
  for (const char* part : {"\x1b", "\x01", "\xc2\x9b"}) EXPECT_EQ(shown.find(part), std::string::npos) << part;
}

TEST_F(World, BytesOfDamagedFilesReachNoTerminal) {
  std::string header = "{\"\x1b[2J\xff";
  header.resize(64, '\x9b');
  write_text_file_atomically(path() / "m.safetensors", std::string("\x40\0\0\0\0\0\0\0", 8) + header);
  write_text_file_atomically(path() / "t.csv", std::string("\xff\xfe"
                                                           "a\0,\0\x1b\0\n\0"
                                                           "1\0,\0",
                                                           14));
  const std::string shown =
      run("\"$LATHE_PROGRAM\" info --load m.safetensors").errors + run("\"$LATHE_PROGRAM\" data show ./t.csv").errors;
  for (const char letter : shown) EXPECT_TRUE(letter == '\n' || (letter >= ' ' && letter < 127)) << shown;
}

TEST_F(World, StudiesHaveNamesThatCanBeWritten) {
  for (const char* name : {"''", "$'\\xff\\xfe'"}) {
    const auto result = run(std::string("{} --study ") + name);
    EXPECT_EQ(result.exit_code, 2) << result.errors;
    EXPECT_CONTAINS(result.errors, "--study: ");
    EXPECT_FALSE(fs::exists(path() / "p" / "search_ckpts" / "study.db"));
  }
}

TEST_F(World, ThreadsThatTheSystemRefusesAbortNothing) {
  if (::geteuid() != 0) GTEST_SKIP() << "not root: there is no other user whose processes could be limited";
  fs::permissions(path(), fs::perms(0777));
  const auto result = run(
      "setpriv --reuid=65533 --regid=65533 --clear-groups bash -c 'ulimit -u 4; HOME=/nonexistent \"$LATHE_PROGRAM\" "
      "search --config study.toml --project-dir . --n-jobs 16 --set search.strategy.setup.lag=16'");
  if (result.exit_code == 126 || result.exit_code == 127) GTEST_SKIP() << "another user cannot run the program";
  EXPECT_TRUE(result.exit_code == 0 || result.exit_code == 5) << result.exit_code << result.errors;
  EXPECT_CONTAINS(result.errors, "cannot start thread");
}

}  // namespace
}  // namespace lathe::cli
