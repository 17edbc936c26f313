#include "lathe/trial/checkpoint_folder.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "lathe/base/file.h"
#include "program.h"
#include "study/small_problem.h"

namespace lathe::trial {
namespace {

namespace fs = std::filesystem;
using study::SmallProblem;

// Names the file of seed `repeat` of the zero key, as TrialCheckpoint does.
std::string file_of(int repeat) { return std::string(32, '0') + "_" + std::to_string(repeat) + ".safetensors"; }

TEST(CheckpointFolder, KeepsNothingUnlessToldWhereAndHowOften) {
  SmallProblem problem(study::trained_search("n_trials = 1\n"));
  const testing::TemporaryFolder folder;
  CheckpointFolder checkpoints(problem.settings);
  EXPECT_FALSE(checkpoints.of({}, 0).has_value());
  checkpoints.keep_in(folder.path());
  EXPECT_TRUE(checkpoints.of({}, 0).has_value());
  problem.settings.checkpoint_interval_seconds = 0;
  EXPECT_FALSE(checkpoints.of({}, 0).has_value());
}

TEST(CheckpointFolder, TakesStatesFromAnEarlierFolder) {
  SmallProblem problem(study::trained_search("n_trials = 1\n"));
  const testing::TemporaryFolder folder;
  const fs::path earlier = folder.path() / "earlier", now = folder.path() / "now";
  make_directories(earlier);
  write_text_file_atomically(earlier / file_of(1), "state");
  CheckpointFolder checkpoints(problem.settings);
  checkpoints.keep_in(now, earlier);
  checkpoints.of({}, 1);
  EXPECT_FALSE(fs::exists(earlier / file_of(1)));
  EXPECT_EQ(read_text_file(now / file_of(1)), "state");
}

TEST(CheckpointFolder, ForgetsTheSeedsOfATrial) {
  SmallProblem problem(study::trained_search("n_trials = 1\n"));
  const testing::TemporaryFolder folder;
  CheckpointFolder checkpoints(problem.settings);
  checkpoints.keep_in(folder.path());
  for (int repeat = 0; repeat < 4; ++repeat) write_text_file_atomically(folder.path() / file_of(repeat), "state");
  checkpoints.forget({}, 1, 2);
  for (int repeat = 0; repeat < 4; ++repeat)
    EXPECT_EQ(fs::exists(folder.path() / file_of(repeat)), repeat == 0 || repeat == 3) << repeat;
}

}  // namespace
}  // namespace lathe::trial
