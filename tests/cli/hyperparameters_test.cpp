#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "lathe/base/file.h"
#include "program.h"

// Whole searches over ranges, conditions and hyperparameters with the built program: the example on the bundled jets.
namespace lathe::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

const fs::path kExample = fs::path(LATHE_SOURCE_DIR) / "examples" / "hyperparameters.toml";

class Hyperparameters : public ::testing::Test {
 protected:
  testing::ProgramResult run(const std::string& arguments) const {
    return testing::run_program(
        fmt::format("cd {} && {} {}", folder_.path().string(), std::getenv("LATHE_PROGRAM"), arguments),
        folder_.path());
  }
  fs::path results(const std::string& project) const { return folder_.path() / project / "search_ckpts"; }

  // Runs the example and returns its log.json.
  json search(const std::string& project, const std::string& arguments) const {
    const auto result = run(fmt::format("search --config {} --project-dir . --project {} --quiet {}", kExample.string(),
                                        project, arguments));
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    return json::parse(read_text_file(results(project) / "log.json"));
  }

  testing::TemporaryFolder folder_;
};

// Returns what was chosen, trial by trial, with the values.
json choices_and_values(const json& log) {
  json list = json::array();
  for (const json& trial : log) {
    list.push_back({trial["user_attrs_sampled_config"], trial["values_0"], trial["values_1"]});
  }
  return list;
}

void expect_conditions_hold(const json& config) {
  const json& node = config["seq_blocks_2"]["config"];
  EXPECT_EQ(node.contains("data_in_width"), node["name"] == "integer") << config;
  EXPECT_EQ(node.contains("bias_width"), node["name"] == "integer") << config;
  const json& training = config["training"]["config"];
  EXPECT_EQ(training.contains("momentum"), training["optimizer"] == "sgd") << config;
  EXPECT_GE(training["learning_rate"], 1e-3);
  EXPECT_LE(training["learning_rate"], 1e-1);
}

TEST_F(Hyperparameters, AreSearchedWithConditions) {
  for (const char* sampler : {"tpe", "random", "nsgaii"}) {
    const json log = search(sampler, fmt::format("--sampler {}", sampler));
    EXPECT_EQ(log.size(), 24u);
    std::set<double> rates;
    for (const json& trial : log) {
      EXPECT_EQ(trial["state"], "COMPLETE") << trial;
      expect_conditions_hold(trial["user_attrs_sampled_config"]);
      rates.insert(trial["user_attrs_sampled_config"]["training"]["config"]["learning_rate"].get<double>());
    }
    EXPECT_GT(rates.size(), 12u) << sampler;
  }
}

TEST_F(Hyperparameters, DoNotDependOnTheNumberOfJobs) {
  EXPECT_EQ(choices_and_values(search("one", "--n-jobs 1")), choices_and_values(search("four", "--n-jobs 4")));
}

TEST_F(Hyperparameters, SettingsWrittenAnewGiveTheSameSearch) {
  const json first = search("first", "--n-trials 8");
  const auto result = run("search --config first/settings.toml --project-dir . --project second --quiet");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const json second = json::parse(read_text_file(results("second") / "log.json"));
  EXPECT_EQ(choices_and_values(first), choices_and_values(second));
}

TEST_F(Hyperparameters, ResumedSearchesEqualUndisturbedOnes) {
  search("resumed", "--n-trials 9");
  EXPECT_EQ(choices_and_values(search("resumed", "--resume --n-trials 20")),
            choices_and_values(search("whole", "--n-trials 20")));
}

TEST_F(Hyperparameters, DoNotDisturbWhatRebuildsATrial) {
  search("project", "--n-trials 6");
  const json best = json::parse(read_text_file(results("project") / "best.json"))["0"];
  const std::string from = fmt::format("--from project/search_ckpts/best.json --trial {}", best["number"].get<int>());
  const auto tested = run(fmt::format("test --config {} {} --json --quiet", kExample.string(), from));
  EXPECT_EQ(tested.exit_code, 0) << tested.errors;
  write_text_file_atomically(folder_.path() / "passes.toml",
                             read_text_file(kExample) + "\n[passes.verify_common_metadata]\n");
  const auto transformed = run(fmt::format("transform --config passes.toml --project-dir . {} --quiet", from));
  EXPECT_EQ(transformed.exit_code, 0) << transformed.errors;
}

TEST_F(Hyperparameters, EqualNetworksTrainedDifferentlyAreTwoCandidates) {
  write_text_file_atomically(folder_.path() / "study.toml", R"(
model = "jsc-tiny"
dataset = "jets"
batch_size = 512
[search.search_space.training]
learning_rate = [1e-3, 3e-2]
[search.strategy]
eval_mode = false
[search.strategy.sw_runner.basic_train]
num_samples = 20000
[search.strategy.setup]
n_trials = 5
sampler = "brute_force"
sum_scaled_metrics = true
direction = "minimize"
[search.strategy.metrics]
loss.scale = 1.0
)");
  const auto result = run("search --config study.toml --project-dir . --project rates --quiet");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const json log = json::parse(read_text_file(results("rates") / "log.json"));
  ASSERT_EQ(log.size(), 2u) << "the space has two points";
  EXPECT_NE(log["0"]["value"], log["1"]["value"]);
}

}  // namespace
}  // namespace lathe::cli
