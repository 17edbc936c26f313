#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "lathe/base/file.h"
#include "program.h"

// Searches with the built program: candidates that begin from a trained base network, weights that are kept, memory,
// a process that is killed in the middle of a trial.
namespace lathe::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

// Widths of two layers on the bundled jets.
std::string study_file(const std::string& widths, const std::string& training, const std::string& setup) {
  return fmt::format(R"(
model = "jsc-three-linear-layers-logits"
dataset = "jets"
batch_size = 256
project = "run"
[search.search_space]
name = "graph/quantize/channel_size_modifier"
[search.search_space.seed.default.config]
name = ["NA"]
[search.search_space.seed.seq_blocks_2.config]
name = ["output_only"]
channel_multiplier = {0}
[search.search_space.seed.seq_blocks_4.config]
name = ["both"]
channel_multiplier = {0}
[search.strategy]
eval_mode = false
[search.strategy.sw_runner.basic_train]
{1}
optimizer = "adam"
learning_rate = 1e-2
[search.strategy.setup]
sampler = "brute_force"
{2}
[search.strategy.metrics]
accuracy = {{ scale = 1.0, direction = "maximize" }}
)",
                     widths, training, setup);
}

class StartingWeights : public ::testing::Test {
 protected:
  fs::path folder() const { return folder_.path(); }
  fs::path results() const { return folder() / "run" / "studies" / "run"; }
  std::string command(const std::string& more) const {
    return fmt::format("{} {} --project-dir {}", std::getenv("LATHE_PROGRAM"), more, folder().string());
  }
  void write(const std::string& text) const { write_text_file_atomically(folder() / "study.toml", text); }
  testing::ProgramResult search(const std::string& more = {}) const {
    return testing::run_program(command(fmt::format("search --config {} {}", (folder() / "study.toml").string(), more)),
                                folder());
  }
  std::size_t files_in(const fs::path& place) const {
    std::error_code absent;
    const fs::directory_iterator files(place, absent);
    return absent ? 0 : static_cast<std::size_t>(std::distance(fs::begin(files), fs::end(files)));
  }
  // Counts the states of running trainings, but not those that are being written.
  std::size_t whole_states() const {
    std::size_t count = 0;
    std::error_code absent;
    for (const auto& entry : fs::directory_iterator(results() / "running", absent)) {
      if (entry.path().extension() == ".safetensors") ++count;
    }
    return count;
  }
  json read(const char* name) const { return json::parse(read_text_file(results() / name)); }

 private:
  testing::TemporaryFolder folder_;
};

TEST_F(StartingWeights, ComeFromTheBaseNetworkTrainedFirst) {
  write(study_file("[0.5, 1, 2]", "num_samples = 20000", "n_trials = 9\nkeep_best = 3"));
  const auto first = search("--weights net2wider");
  ASSERT_EQ(first.exit_code, 0) << first.errors;
  EXPECT_NE(first.errors.find("Training the base network"), std::string::npos) << first.errors;
  EXPECT_NE(first.errors.find("begin from the trained base network jsc-three-linear-layers-logits (weights = "
                              "\"net2wider\")"),
            std::string::npos)
      << first.errors;
  const json study = read("study.json");
  EXPECT_EQ(study["weights"], "net2wider");
  EXPECT_EQ(study["accelerator"], "cpu");
  EXPECT_EQ(study["precision"], "32");
  EXPECT_GT(study["memory"]["planned_bytes"].get<std::int64_t>(), 0);
  EXPECT_GT(study["memory"]["peak_bytes"].get<std::int64_t>(), study["memory"]["planned_bytes"].get<std::int64_t>());
  EXPECT_NE(read("best.json")["0"]["device"].get<std::string>().find("dense"), std::string::npos);
  EXPECT_GE(files_in(results() / "trials"), 3u);

  const auto again = search("--weights net2wider --resume");
  ASSERT_EQ(again.exit_code, 0) << again.errors;
  EXPECT_EQ(again.errors.find("Training the base network"), std::string::npos) << again.errors;
  const auto other = search("--weights inherit --resume");
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_NE(other.errors.find("differs in weights: net2wider "), std::string::npos) << other.errors;

  const auto show = testing::run_program(
      command(fmt::format("study show run --storage {}", (folder() / "run/search_ckpts/study.db").string())), folder());
  EXPECT_NE(show.output.find("device      dense"), std::string::npos) << show.output << show.errors;
  EXPECT_NE(show.output.find("memory      largest plan"), std::string::npos) << show.output;
}

TEST_F(StartingWeights, OfLargeNetworksAreWrittenWhileTheSearchRuns) {
  write(study_file("[24, 32]", "num_samples = 2000", "n_trials = 4\nkeep_best = 2"));
  ASSERT_EQ(search().exit_code, 0);
  const json best = read("best.json");
  const auto number = best["0"]["number"].get<std::int64_t>();
  EXPECT_EQ(files_in(results() / "trials"), 2u);
  const auto test = testing::run_program(
      command(fmt::format("test jets --json --from {} --trial {}", (results() / "best.json").string(), number)),
      folder());
  EXPECT_EQ(test.exit_code, 0) << test.errors;
  EXPECT_NE(test.output.find("\"accelerator\": \"cpu\""), std::string::npos) << test.output;
}

TEST_F(StartingWeights, TrialsThatNeedTooMuchMemoryFailWithBothFigures) {
  write(study_file("[1, 64]", "num_samples = 2000", "n_trials = 4"));
  const auto run = search("--max-memory 8 --json");
  ASSERT_EQ(run.exit_code, 0) << run.errors;
  EXPECT_NE(run.errors.find("max_memory is 8.0 MB"), std::string::npos) << run.errors;
  const json trials = read("study.json")["trials"];
  EXPECT_GT(trials["COMPLETE"].get<int>(), 0);
  EXPECT_GT(trials["FAIL"].get<int>(), 0);
}

TEST_F(StartingWeights, ATrialThatIsKilledInTheMiddleGoesOnFromThere) {
  write(study_file("[1]", "num_samples = 5000000\nmax_epochs = 100000", "n_trials = 1\ncheckpoint_interval = 0.03"));
  ASSERT_EQ(search("--project calm --set search.strategy.setup.checkpoint_interval=0").exit_code, 0);
  const pid_t process = fork();
  if (process == 0) {
    const std::string study = (folder() / "study.toml").string(), place = folder().string();
    if (std::freopen("/dev/null", "a", stderr) == nullptr) _exit(98);
    execl(std::getenv("LATHE_PROGRAM"), "lathe", "search", "--config", study.c_str(), "--project-dir", place.c_str(),
          "--json", static_cast<char*>(nullptr));
    _exit(99);
  }
  int status = 0;
  while (whole_states() == 0 && waitpid(process, &status, WNOHANG) == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  kill(process, SIGKILL);
  waitpid(process, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status)) << "the trial ended too early: give it more samples";

  const auto resumed = search("--resume");
  ASSERT_EQ(resumed.exit_code, 0) << resumed.errors;
  EXPECT_NE(resumed.errors.find("a training that was cut off goes on after step"), std::string::npos) << resumed.errors;
  EXPECT_EQ(read_text_file(results() / "best.json"),
            read_text_file(folder() / "calm" / "studies" / "calm" / "best.json"));
  EXPECT_EQ(files_in(results() / "running"), 0u);
}

}  // namespace
}  // namespace lathe::cli
