#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "lathe/base/file.h"
#include "program.h"

// Exhaustive searches of the bundled jets with the built program: the plan, every candidate, kills, workers, the files.
namespace lathe::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

// 4 x 3 x 5 x 3 = 180 candidates, 4 epochs over 4000 rows.
std::string study_file(const std::string& exhaustive) {
  return R"(
dataset = "jets"
batch_size = 128
validation_rows = 46000
project = "all"
model = "jsc-three-linear-layers-logits"
[search.search_space]
name = "graph/quantize/mixed_precision_qat"
[search.search_space.seed.default.config]
name = ["NA"]
[search.search_space.seed.seq_blocks_2.config]
name = ["integer"]
channel_multiplier = [0.25, 0.5, 0.75, 1]
weight_width = [2, 3, 4, 6, 8]
weight_frac_width = ["NA"]
data_in_width = [3, 4, 8]
data_in_frac_width = ["NA"]
bias_width = [8]
bias_frac_width = ["NA"]
[search.search_space.seed.seq_blocks_4.config]
name = ["both"]
channel_multiplier = [0.25, 0.5, 1]
[search.strategy]
eval_mode = false
[search.strategy.sw_runner.basic_train]
max_epochs = 4
optimizer = "adam"
learning_rate = 1e-2
lr_scheduler = "cosine"
[search.strategy.sw_runner.basic_evaluation]
num_samples = 4000
[search.strategy.setup]
heartbeat = 0.25
heartbeat_grace = 1.0
max_attempts = 100
[search.strategy.metrics]
accuracy = { scale = 1.0, direction = "maximize" }
bitops = { scale = 1.0, direction = "minimize" }
[search.strategy.exhaustive]
)" + exhaustive;
}

const char* const kRacing = "min_resource = 2\n";

class Exhaustive : public ::testing::Test {
 protected:
  std::string command(const std::string& arguments) const {
    return fmt::format("cd {} && exec {} search --project-dir . {}", folder().string(), std::getenv("LATHE_PROGRAM"),
                       arguments);
  }
  fs::path folder() const { return folder_.path(); }
  testing::ProgramResult run(const std::string& arguments) const {
    return testing::run_program(command(arguments), folder());
  }
  std::string write(const std::string& exhaustive, const std::string& name = "study.toml") const {
    write_text_file_atomically(folder() / name, study_file(exhaustive));
    return name;
  }
  // Returns what must not depend on workers, restarts and times, by trial.
  json outcome(const std::string& project) const {
    json rows = json::array();
    const json log = json::parse(read_text_file(folder() / project / "search_ckpts/log.json"));
    for (const auto& [key, row] : log.items()) {
      rows.push_back({row["number"], row["state"], row["values_0"], row["values_1"], row["user_attrs_sampled_config"],
                      row.contains("user_attrs_lathe:race") ? row["user_attrs_lathe:race"] : json()});
    }
    return rows;
  }
  json outcome_of(const std::string& study, const std::string& project, const std::string& arguments = "") const {
    const auto result = run(fmt::format("--config {} --project {} --quiet {}", study, project, arguments));
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    return outcome(project);
  }

 private:
  testing::TemporaryFolder folder_;
};

TEST_F(Exhaustive, ShowsItsPlanAndWritesNothing) {
  write(kRacing);
  const auto result = run("--config study.toml --plan --quiet");
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  for (const char* text : {"points of the space", "180", "distinct candidates", "everything, one seed",
                           "everything, 3 seeds", "after epochs 2, by bounds from 24 candidates"}) {
    EXPECT_NE(result.output.find(text), std::string::npos) << text << '\n' << result.output;
  }
  EXPECT_FALSE(fs::exists(folder() / "all"));
  const json plan = json::parse(run("--config study.toml --plan --quiet --json").output);
  EXPECT_EQ(plan["points"], 180);
  EXPECT_EQ(plan["distinct"], 180);
  EXPECT_GT(plan["all_seconds"], 0);
}

TEST_F(Exhaustive, RefusesWhatWouldNeverEnd) {
  std::string text = study_file(kRacing);
  const std::string choices = "bias_width = [8]\n";
  text.replace(text.find(choices), choices.size(), "bias_width = { low = 2, high = 30 }\n");
  text += "[search.search_space.training]\nweight_decay = { low = 0.0, high = 0.1, step = 1e-5 }\n";
  write_text_file_atomically(folder() / "study.toml", text);
  const auto result = run("--config study.toml --quiet");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(result.errors.find("search.strategy.exhaustive: the space has 52,205,220 points, above the 10,000,000"),
            std::string::npos)
      << result.errors;
  EXPECT_NE(result.errors.find("training all of them would take about"), std::string::npos) << result.errors;
  EXPECT_FALSE(fs::exists(folder() / "all"));
}

TEST_F(Exhaustive, KeepsTheFrontOfTrainingEverything) {
  const json all = outcome_of(write("stop = \"none\"\nseeds = 2\n", "none.toml"), "everything", "--n-jobs 2");
  const json raced = outcome_of(write("min_resource = 2\nseeds = 2\n"), "raced", "--n-jobs 2");
  ASSERT_EQ(all.size(), 180u);
  std::size_t pruned = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i][1], "COMPLETE");
    EXPECT_EQ(all[i][4], raced[i][4]);  // the same candidate in the same place
    pruned += raced[i][1] == "PRUNED" ? 1 : 0;
  }
  EXPECT_GT(pruned, 20u);
  // What two seeds of each tell: on the front of the means, and rather on the front than not. What the means beat may
  // be pruned though it is tied.
  std::size_t on_front = 0;
  const json front = json::parse(read_text_file(folder() / "everything/search_ckpts/best.json"));
  for (const auto& entry : front) {
    if (entry["race"]["front_probability"] < 0.5) continue;
    ++on_front;
    const json& row = *std::find_if(raced.begin(), raced.end(), [&](const json& r) { return r[0] == entry["number"]; });
    ASSERT_EQ(row[1], "COMPLETE") << entry["number"];
    EXPECT_NE(row[5]["membership"], "off the front") << entry["number"];
  }
  EXPECT_GT(on_front, 2u);
}

TEST_F(Exhaustive, IsTheSameForOneAndTwoJobsAndAfterAKill) {
  const std::string study = write(kRacing);
  const json one = outcome_of(study, "one", "--n-jobs 1");
  EXPECT_EQ(one, outcome_of(study, "two", "--n-jobs 2"));
  const pid_t worker = fork();
  if (worker == 0) {
    execl("/bin/sh", "sh", "-c", command("--config study.toml --project killed --quiet --n-jobs 2 >out 2>&1").c_str(),
          nullptr);
    _exit(127);
  }
  for (int i = 0; i < 2000 && !fs::exists(folder() / "killed/search_ckpts/study.db"); ++i) usleep(10000);
  usleep(1500000);
  kill(worker, SIGKILL);
  int status = 0;
  waitpid(worker, &status, 0);
  EXPECT_EQ(one, outcome_of(study, "killed", "--n-jobs 2 --resume"));
}

TEST_F(Exhaustive, IsSharedByTwoWorkers) {
  const std::string study = write(kRacing);
  const json alone = outcome_of(study, "alone", "--n-jobs 1");
  const auto work = [&](const std::string& project) {
    const auto result = run(fmt::format(
        "--config {} --project {} --quiet --storage shared.db --study together --n-jobs 1", study, project));
    EXPECT_EQ(result.exit_code, 0) << result.errors;
  };
  std::thread other(work, "first");
  work("second");
  other.join();
  // The result files are those of the worker that ended last: it knows the whole race.
  EXPECT_EQ(alone, outcome_of(study, "third", "--storage shared.db --study together --resume"));
}

TEST_F(Exhaustive, OfOneObjectiveAnswersWithTheMostProbable) {
  std::string text = study_file("stop = \"racing\"\nseeds = 3\n");
  const std::string other = "bitops = { scale = 1.0, direction = \"minimize\" }\n";
  text.erase(text.find(other), other.size());
  write_text_file_atomically(folder() / "one.toml", text);
  ASSERT_EQ(run("--config one.toml --quiet --n-jobs 2").exit_code, 0);
  const json best = json::parse(read_text_file(folder() / "all/search_ckpts/best.json"));
  for (const auto& entry : best) EXPECT_LE(entry["race"]["front_probability"], best["0"]["race"]["front_probability"]);
  const auto answer = [&](const std::string& what) {
    const auto result = testing::run_program(fmt::format("cd {} && {} study {} all --storage all/search_ckpts/study.db",
                                                         folder().string(), std::getenv("LATHE_PROGRAM"), what),
                                             folder());
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    return result.output;
  };
  const std::string trial = best["0"]["number"].dump();
  EXPECT_NE(answer("best").find("Best trial: " + trial + "\n"), std::string::npos) << answer("best");
  EXPECT_NE(answer("best").find("those of its first seed"), std::string::npos) << answer("best");
  EXPECT_NE(answer("show").find("best        trial " + trial + " with "), std::string::npos) << answer("show");
}

TEST_F(Exhaustive, SaysHowSureTheFrontIs) {
  const auto result = run(fmt::format("--config {} --quiet --n-jobs 2", write(kRacing)));
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_NE(result.output.find("exhaustive search"), std::string::npos);
  EXPECT_NE(result.output.find("P(on the front)"), std::string::npos) << result.output;
  const fs::path results = folder() / "all/studies/all";
  const json best = json::parse(read_text_file(results / "best.json"));
  ASSERT_FALSE(best.empty());
  for (const auto& entry : best) {
    const json& race = entry["race"];
    EXPECT_EQ(race["seeds"], 3);
    const double accuracy = entry["software_metrics"]["accuracy"];
    const double binomial = std::sqrt(accuracy * (1 - accuracy) / 4000);  // of one seed; part of it goes with the seeds
    EXPECT_LE(race["sampling_errors"][0], 1.01 * binomial);
    EXPECT_GT(race["sampling_errors"][0], 0);
    // If nothing of it goes with the rows (seeds that end in different networks), the three seeds have it thrice over.
    EXPECT_GE(race["total_errors"][0], binomial / std::sqrt(3.0));
    EXPECT_NEAR(race["total_errors"][0],
                std::hypot(race["standard_errors"][0].get<double>(), race["sampling_errors"][0].get<double>()), 1e-9);
    EXPECT_GE(race["front_probability"], 0);
  }
  EXPECT_EQ(json::parse(read_text_file(results / "study.json"))["schema_version"], 3);
  const std::string table = read_text_file(results / "trials.csv");
  EXPECT_NE(table.find(",seeds,front,front_probability,mean_0,standard_error_0,sampling_error_0,total_error_0,mean_1,"),
            std::string::npos);
  EXPECT_NE(read_text_file(results / "front.svg").find("<line x1"), std::string::npos);
}

}  // namespace
}  // namespace lathe::cli
