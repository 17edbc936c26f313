#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "lathe/base/file.h"
#include "program.h"

// Whole comparisons with the built program.
namespace lathe::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

// Nine candidates, each trained for a moment.
constexpr const char* kStudy = R"(
model = "jsc-three-linear-layers-logits"
dataset = "jets"
batch_size = 256
project = "small"
[search.search_space]
name = "graph/quantize/channel_size_modifier"
[search.search_space.seed.default.config]
name = ["NA"]
[search.search_space.seed.seq_blocks_2.config]
name = ["output_only"]
channel_multiplier = [0.5, 1, 2]
[search.search_space.seed.seq_blocks_4.config]
name = ["both"]
channel_multiplier = [0.5, 1, 2]
[search.strategy]
eval_mode = false
[search.strategy.sw_runner.basic_train]
num_samples = 5000
optimizer = "adam"
learning_rate = 1e-2
[search.strategy.setup]
n_trials = 8
sampler = "tpe"
sampler_options = { n_startup_trials = 2 }
SETUP
[search.strategy.metrics]
METRICS
)";

std::string study(const std::string& setup, const std::string& metrics) {
  std::string text = kStudy;
  text.replace(text.find("SETUP"), 5, setup);
  text.replace(text.find("METRICS"), 7, metrics);
  return text;
}

std::string single() { return study("sum_scaled_metrics = true\ndirection = \"maximize\"", "accuracy.scale = 1.0"); }

std::vector<std::vector<std::string>> read_csv(const fs::path& path) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(read_text_file(path));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream cells(line);
    rows.emplace_back();
    for (std::string cell; std::getline(cells, cell, ',');) rows.back().push_back(cell);
  }
  return rows;
}

class Compare : public ::testing::Test {
 protected:
  testing::ProgramResult run(const std::string& arguments) const {
    return testing::run_program(fmt::format("cd {} && {} compare --config study.toml --project-dir . {}",
                                            folder().string(), std::getenv("LATHE_PROGRAM"), arguments),
                                folder());
  }
  void write(const std::string& text) const { write_text_file_atomically(folder() / "study.toml", text); }
  fs::path folder() const { return folder_.path(); }
  fs::path results() const { return folder() / "small/comparison"; }
  json document() const { return json::parse(read_text_file(results() / "comparison.json")); }

 private:
  testing::TemporaryFolder folder_;
};

TEST_F(Compare, RunsThreeSamplersOnOneObjective) {
  write(single());
  const auto result = run("--samplers brute_force,random,tpe --seeds 3");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_NE(result.output.find("Best accuracy so far (maximized); 3 samplers x 3 seeds x 8 trials, lag 4"),
            std::string::npos)
      << result.output;
  EXPECT_NE(result.output.find("9 candidates evaluated once each"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("trials to 99 %"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("Written to ./small/comparison/"), std::string::npos) << result.output;
  EXPECT_NE(read_text_file(results() / "comparison.svg").find("brute_force"), std::string::npos);
  EXPECT_TRUE(fs::exists(results() / "settings.toml"));

  const json comparison = document();
  EXPECT_EQ(comparison["candidates"], 9);
  EXPECT_EQ(comparison["whole_space"], true);
  EXPECT_EQ(comparison["samplers"].size(), 3u);
  EXPECT_NE(comparison["samplers"][2]["options"].get<std::string>().find("n_startup_trials"), std::string::npos);
  EXPECT_EQ(comparison["samplers"][0]["options"], "");
  for (const json& sampler : comparison["samplers"]) {
    EXPECT_EQ(sampler["curve"]["mean"].size(), 8u);
    EXPECT_EQ(sampler["runs"].size(), 3u);
    EXPECT_EQ(sampler["repeated_points"]["mean"], 0);
    EXPECT_LE(sampler["final_mean"].get<double>(), comparison["best"].get<double>());
    EXPECT_GT(sampler["wall_seconds"].get<double>(), 0);
  }
}

TEST_F(Compare, WritesEveryTrialAndItsBestSoFar) {
  write(single());
  ASSERT_EQ(run("--samplers random --seeds 2 --n-trials 20").exit_code, 0);  // the space ends after 9
  const auto rows = read_csv(results() / "comparison.csv");
  ASSERT_EQ(rows.size(), 1u + 2 * 9);
  EXPECT_EQ(rows[0],
            (std::vector<std::string>{"sampler", "seed", "trial", "value", "best_so_far", "duplicate", "state"}));
  double best = 0;
  for (std::size_t i = 1; i <= 9; ++i) {
    EXPECT_EQ(rows[i][2], std::to_string(i - 1));
    best = std::max(best, std::stod(rows[i][3]));
    EXPECT_EQ(std::stod(rows[i][4]), best);
    EXPECT_EQ(rows[i][5], "no");
  }
  EXPECT_EQ(best, document()["best"].get<double>());
  EXPECT_EQ(document()["samplers"][0]["curve"]["mean"].size(), 20u);
  EXPECT_EQ(document()["samplers"][0]["curve"]["mean"][19], best);
}

TEST_F(Compare, GivesTheSameNumbersForOneAndTwoJobs) {
  write(single());
  ASSERT_EQ(run("--samplers nsgaii,tpe --seeds 4 --n-jobs 1").exit_code, 0);
  const std::string one = read_text_file(results() / "comparison.csv");
  const std::string plot = read_text_file(results() / "comparison.svg");
  ASSERT_EQ(run("--samplers nsgaii,tpe --seeds 4 --n-jobs 2").exit_code, 0);
  EXPECT_EQ(read_text_file(results() / "comparison.csv"), one);
  EXPECT_EQ(read_text_file(results() / "comparison.svg"), plot);
}

TEST_F(Compare, ShowsTheRepeatsOfSamplersThatMayRepeat) {
  write(single());
  const auto result = run("--samplers random,tpe --seeds 2 --n-trials 20 --deduplicate false --json");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const json comparison = json::parse(result.output);
  for (const json& sampler : comparison["samplers"]) {
    EXPECT_GE(sampler["repeated_points"]["mean"].get<double>(), 11);  // 20 trials on 9 points
    EXPECT_NE(sampler["options"].get<std::string>().find("deduplicate"), std::string::npos);
  }
}

TEST_F(Compare, MeasuresTheHypervolumeOfSeveralObjectives) {
  write(study("",
              "accuracy = {scale = 1.0, direction = \"maximize\"}\nparameters = {scale = 1e-3, direction = "
              "\"minimize\"}"));
  const auto result = run("--samplers brute_force,nsgaii --seeds 2 --n-trials 9");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_NE(result.output.find("Hypervolume of accuracy, 0.001 "), std::string::npos) << result.output;
  const json comparison = document();
  EXPECT_EQ(comparison["reference_point"].size(), 2u);
  const json& brute = comparison["samplers"][0];
  EXPECT_GT(comparison["best"].get<double>(), 0);
  EXPECT_EQ(brute["final_standard_error"], 0);  // all nine points: the same front
  EXPECT_DOUBLE_EQ(brute["final_mean"].get<double>(), comparison["best"].get<double>());
  EXPECT_EQ(read_csv(results() / "comparison.csv")[0].size(), 8u);
}

TEST_F(Compare, PrunesNothingAndSaysSo) {
  write(single() + "[search.strategy.pruner]\nname = \"median\"\n");
  const auto result = run("--samplers random --seeds 1");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_NE(result.errors.find("The pruner is off here"), std::string::npos) << result.errors;
}

TEST_F(Compare, TellsCandidatesThatConstraintsRuleOut) {
  write(single() + "[search.strategy.constraints]\nparameters.max = 1000\n");
  const auto result = run("--samplers tpe,random --seeds 2 --n-trials 9");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(document()["incomparable_candidates"], 3);  // of 1013, 1189 and 1797 parameters
  EXPECT_NE(read_text_file(results() / "comparison.csv").find("PRUNED"), std::string::npos);
}

TEST_F(Compare, NamesWrongSamplersBeforeAnythingRuns) {
  write(single());
  const auto unknown = run("--samplers tpe,brutforce");
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_NE(unknown.errors.find("did you mean \"brute_force\"?"), std::string::npos) << unknown.errors;
  EXPECT_NE(run("--samplers tpe,random,TPE").errors.find("--samplers: tpe is named twice"), std::string::npos);
  EXPECT_NE(run("").errors.find("--samplers: name the samplers"), std::string::npos);
  write(single() + "[search.search_space.training]\nlearning_rate = {low = 1e-4, high = 1e-2, log = true}\n");
  const auto continuous = run("--samplers random,grid");
  EXPECT_EQ(continuous.exit_code, 2) << continuous.errors;
  EXPECT_NE(continuous.errors.find("grid"), std::string::npos) << continuous.errors;
  EXPECT_FALSE(fs::exists(results()));
}

// Interrupts a long comparison once it has used so much processor time; returns its exit code.
int interrupted_comparison(const fs::path& folder, double seconds) {
  const pid_t child = ::fork();
  if (child == 0) {
    const int null = ::open("/dev/null", O_RDWR);
    for (const int descriptor : {0, 1, 2}) ::dup2(null, descriptor);
    if (::chdir(folder.c_str()) != 0) ::_exit(99);
    ::execl(std::getenv("LATHE_PROGRAM"), "lathe", "compare", "--config", "study.toml", "--project-dir", ".",
            "--samplers", "random", "--seeds", "100000", nullptr);
    ::_exit(98);
  }
  int status = 0;
  while (testing::used_seconds(child) < seconds) {
    if (::waitpid(child, &status, WNOHANG) != 0) return WEXITSTATUS(status);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ::kill(child, SIGINT);
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

TEST_F(Compare, KeepsCompleteSeedsWhenInterrupted) {
  write(single() + "[search.search_space.training]\nlearning_rate = {low = 1e-4, high = 1e-2, log = true}\n");
  // Given longer until a seed is complete, however slow the machine is.
  for (double seconds = 0.25; !fs::exists(results()); seconds *= 2)
    ASSERT_EQ(interrupted_comparison(folder(), seconds), 130) << seconds;
  const json comparison = document();
  EXPECT_GE(comparison["seeds"].get<int>(), 1);
  EXPECT_LT(comparison["seeds"].get<int>(), 100000);
  EXPECT_EQ(comparison["samplers"][0]["runs"].size(), comparison["seeds"].get<std::size_t>());
}

}  // namespace
}  // namespace lathe::cli
