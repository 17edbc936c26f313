#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "data/cernbox_file.h"
#include "lathe/base/file.h"
#include "lathe/data/folders.h"
#include "lathe/data/jets.h"
#include "program.h"

// Whole searches with the built program: the quickstart, the labs' files, two numbers of jobs, an interrupt.
namespace lathe::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

// A small search over widths and bits, every candidate trained; quick enough to be run many times.
constexpr const char* kSmall = R"(
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
channel_multiplier = [1, 2]
[search.search_space.seed.seq_blocks_4.config]
name = ["both"]
channel_multiplier = [0.5, 1, 2]
[search.strategy]
eval_mode = false
[search.strategy.sw_runner.basic_train]
num_samples = 20000
optimizer = "adam"
learning_rate = 1e-2
[search.strategy.setup]
n_trials = 20
sampler = "brute_force"
sum_scaled_metrics = true
direction = "maximize"
[search.strategy.metrics]
accuracy.scale = 1.0
)";

class Search : public ::testing::Test {
 protected:
  fs::path folder() const { return folder_.path(); }
  fs::path results(const std::string& project) const { return folder() / project / "studies" / project; }
  fs::path database(const std::string& project) const { return folder() / project / "search_ckpts" / "study.db"; }

  testing::ProgramResult run(const std::string& arguments) const {
    return testing::run_program(
        fmt::format("cd {} && {} {}", folder().string(), std::getenv("LATHE_PROGRAM"), arguments), folder());
  }
  fs::path write(const std::string& name, const std::string& text) const {
    write_text_file_atomically(folder() / name, text);
    return folder() / name;
  }
  json best(const std::string& project) const { return json::parse(read_text_file(results(project) / "best.json")); }

  // Runs a study file into a project of its own and returns its best.json without what names the trial.
  json best_of(const fs::path& study, const std::string& project, const std::string& arguments) const {
    const auto result =
        run(fmt::format("search --config {} --project-dir . --project {} {}", study.string(), project, arguments));
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    json entries = best(project);
    for (auto& entry : entries) entry.erase("number");
    return entries;
  }

 private:
  testing::TemporaryFolder folder_;
};

fs::path shared_folder() {
  if (const char* data = std::getenv("LATHE_TEST_DATA")) return fs::path(data).parent_path();
  return fs::path(LATHE_SOURCE_DIR).parent_path() / "shared";
}

std::vector<fs::path> lab_files() {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(shared_folder() / "labs", ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".toml") && (name.starts_with("jsc_") || name.starts_with("uniform")))
      files.push_back(entry.path());
  }
  return files;
}

TEST_F(Search, QuickstartTrainsAtLeastThirtyDistinctCandidates) {
  const auto result = run(fmt::format("search --config {}/examples/quickstart.toml --project-dir .", LATHE_SOURCE_DIR));
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_NE(result.output.find("36 trials"), std::string::npos) << result.output;
  EXPECT_NE(result.output.find("Written to ./quickstart/studies/quickstart/"), std::string::npos) << result.output;

  const json log = json::parse(read_text_file(results("quickstart") / "log.json"));
  std::set<std::string> candidates;
  for (const auto& trial : log) {
    EXPECT_EQ(trial["state"], "COMPLETE");
    candidates.insert(trial["user_attrs_sampled_config"].dump());
  }
  EXPECT_GE(candidates.size(), 30u);
  const json study = json::parse(read_text_file(results("quickstart") / "study.json"));
  EXPECT_NE(study.dump().find("40000"), std::string::npos) << study.dump(2);
  EXPECT_TRUE(fs::exists(database("quickstart")));
  EXPECT_TRUE(fs::exists(results("quickstart") / "front.svg"));
}

TEST_F(Search, RebuildsATrialAndItsWeights) {
  const fs::path study = write("study.toml", kSmall);
  ASSERT_EQ(run("search --config study.toml --project-dir .").exit_code, 0);
  const json entry = best("small")["0"];
  const auto number = entry["number"].get<int>();
  const std::string from = fmt::format("--from small/search_ckpts/best.json --trial {}", number);

  const auto info = run("info " + from + " --costs --json");
  ASSERT_EQ(info.exit_code, 0) << info.errors;
  EXPECT_NE(info.output.find(entry["widths"].get<std::string>().substr(3, 2)), std::string::npos);
  const auto test = run("test jets " + from + " --json");
  ASSERT_EQ(test.exit_code, 0) << test.errors;
  EXPECT_NEAR(json::parse(test.output)["test_accuracy"].get<double>(), entry["value"].get<double>(), 0.05);
  const auto train =
      run("train jets " + from + " --project-dir . --project again --max-epochs 1 --learning-rate 1e-3 --json");
  ASSERT_EQ(train.exit_code, 0) << train.errors;
  EXPECT_GT(json::parse(train.output)["validation_accuracy"].get<double>(), 0.4);

  const auto absent = run("test jets --from small/search_ckpts/best.json --trial 77");
  EXPECT_EQ(absent.exit_code, 2);
  EXPECT_NE(absent.errors.find("77"), std::string::npos) << absent.errors;
}

TEST_F(Search, GivesTheSameBestForOneAndTwoJobs) {
  const fs::path study = write("study.toml", kSmall);
  EXPECT_EQ(best_of(study, "one", "--n-jobs 1"), best_of(study, "two", "--n-jobs 2"));
}

TEST_F(Search, GivesTheSameFrontForOneAndTwoJobs) {
  const fs::path study = fs::path(LATHE_SOURCE_DIR) / "examples/quickstart.toml";
  EXPECT_EQ(best_of(study, "one", "--n-jobs 1"), best_of(study, "two", "--n-jobs 2"));
}

TEST_F(Search, GivesTheSameBestOfTheLabForOneAndTwoJobs) {
  const fs::path study = shared_folder() / "labs/jsc_three_linear_channels.toml";
  if (!fs::exists(study)) GTEST_SKIP() << "the labs' files are absent";
  const std::string data = fmt::format("--data-dir {}", (shared_folder() / "data/jets").string());
  EXPECT_EQ(best_of(study, "one", data + " --n-jobs 1"), best_of(study, "two", data + " --n-jobs 2"));
}

TEST_F(Search, RunsTheLabsOnSimulatedJetsAndSaysSo) {
  if (lab_files().empty()) GTEST_SKIP() << "the labs' files are absent";
  EXPECT_EQ(lab_files().size(), 6u);
  for (const fs::path& study : lab_files()) {
    const auto result =
        run(fmt::format("search --config {} --data-dir {} --accelerator cpu --project-dir . --project lab",
                        study.string(), (shared_folder() / "data/jets").string()));
    EXPECT_EQ(result.exit_code, 0) << study << '\n' << result.errors;
    EXPECT_NE(result.output.find("These are simulated jets, not JSC."), std::string::npos) << study;
    EXPECT_NE(read_text_file(results("lab") / "best.json").find("These are simulated jets, not JSC."),
              std::string::npos);
    EXPECT_NE(read_text_file(results("lab") / "study.json").find("These are simulated jets, not JSC."),
              std::string::npos);
  }
}

TEST_F(Search, RunsTheLabsWithEverySampler) {
  if (lab_files().empty()) GTEST_SKIP() << "the labs' files are absent";
  for (const fs::path& study : lab_files()) {
    for (const char* sampler :
         {"random", "grid", "brute_force", "qmc", "nsgaii", "nsgaiii", "evolution", "tpe", "gp", "auto"}) {
      const auto result = run(fmt::format(
          "search --config {} --data-dir {} --accelerator cpu --project-dir . --project lab-{} --sampler {} "
          "--n-trials 4 --set 'search.strategy.setup.sampler_options={{}}' --quiet",
          study.string(), (shared_folder() / "data/jets").string(), sampler, sampler));
      EXPECT_EQ(result.exit_code, 0) << study << ' ' << sampler << '\n' << result.errors;
      EXPECT_FALSE(best(fmt::format("lab-{}", sampler)).empty()) << study << ' ' << sampler;
    }
  }
}

TEST_F(Search, RunsTheLabsOnACernboxFile) {
  if (lab_files().empty()) GTEST_SKIP() << "the labs' files are absent";
  fs::create_directories(folder() / "data");
  const data::RawDataset jets = data::read_jets(data::bundled_jets_folder());
  data::Samples rows{.width = jets.train.width, .features = {}, .labels = {}};
  rows.labels.assign(jets.train.labels.begin(), jets.train.labels.begin() + 4000);
  rows.features.assign(jets.train.features.begin(), jets.train.features.begin() + 4000 * rows.width);
  data::testing::write_cernbox_file(
      folder() / "data/processed-pythia82-lhc13-all-pt1-50k-r1_h022_e0175_t220_nonu_truth.z", rows);
  for (const fs::path& study : lab_files()) {
    const auto result = run(
        fmt::format("search --config {} --data-dir data --accelerator cpu --project-dir . --project lab --n-trials 3",
                    study.string()));
    EXPECT_EQ(result.exit_code, 0) << study << '\n' << result.errors;
    EXPECT_EQ(result.output.find("not JSC"), std::string::npos);
  }
}

TEST_F(Search, MarksUntrainedWeights) {
  write("study.toml", R"(
model = "jsc-tiny"
dataset = "jets"
project = "untrained"
[search.search_space]
name = "graph/quantize/mixed_precision_ptq"
[search.search_space.seed.default.config]
name = ["NA"]
[search.search_space.seed.seq_blocks_2.config]
name = ["integer"]
data_in_width = [8]
data_in_frac_width = ["NA"]
weight_width = [2, 8]
weight_frac_width = ["NA"]
bias_width = [8]
bias_frac_width = ["NA"]
[search.strategy.sw_runner.basic_evaluation]
num_samples = 512
[search.strategy.setup]
n_trials = 2
sampler = "grid"
[search.strategy.metrics]
accuracy = {scale = 1.0, direction = "maximize"}
average_bitwidth = {scale = 0.2, direction = "minimize"}
)");
  const auto result = run("search --config study.toml --project-dir .");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_NE(result.errors.find("never trained"), std::string::npos) << result.errors;
  EXPECT_NE(result.errors.find("Set eval_mode = false"), std::string::npos) << result.errors;
  EXPECT_EQ(best("untrained")["0"]["untrained"], true);
  EXPECT_EQ(best("untrained")["0"]["hardware_metrics"]["average_bitwidth"], 2.0);
}

TEST_F(Search, FinishesTidilyWhenInterrupted) {
  write("study.toml", kSmall);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const int null = ::open("/dev/null", O_RDWR);
    for (const int descriptor : {0, 1, 2}) ::dup2(null, descriptor);
    if (::chdir(folder().c_str()) != 0) ::_exit(99);
    ::execl(std::getenv("LATHE_PROGRAM"), "lathe", "search", "--config", "study.toml", "--project-dir", ".", "--set",
            "search.strategy.sw_runner.basic_train.num_samples=40000000", "--set",
            "search.strategy.sw_runner.basic_train.max_epochs=1000", nullptr);
    ::_exit(98);
  }
  const auto a_trial_is_complete = [&] {
    return fs::exists(database("small")) &&
           run("study trials small --storage " + database("small").string()).output.find("COMPLETE") !=
               std::string::npos;
  };
  int status = 0;
  bool ended = false;
  while (!(ended = ::waitpid(child, &status, WNOHANG) != 0) && !a_trial_is_complete())
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  ASSERT_FALSE(ended) << "the search ended before it could be interrupted";
  ::kill(child, SIGINT);
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
  const json log = json::parse(read_text_file(results("small") / "log.json"));
  EXPECT_GE(log.size(), 1u);
  EXPECT_LT(log.size(), 6u);
  EXPECT_TRUE(fs::exists(results("small") / "best.json"));
}

TEST_F(Search, PrintsOneJsonDocument) {
  write("study.toml", kSmall);
  const auto result = run("search --config study.toml --project-dir . --json");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const json document = json::parse(result.output);
  EXPECT_EQ(document["schema_version"], 3);
  EXPECT_EQ(document["best"].size(), 1u);
}

TEST_F(Search, GivesARunOfItsOwnNameToASecondRun) {
  write("study.toml", kSmall);
  ASSERT_EQ(run("search --config study.toml --project-dir . --n-trials 1").exit_code, 0);
  ASSERT_EQ(run("search --config study.toml --project-dir . --n-trials 1").exit_code, 0);
  const fs::path second = results("small").parent_path() / "small-2";
  EXPECT_NE(read_text_file(results("small") / "study.json").find("\"small\""), std::string::npos);
  EXPECT_NE(read_text_file(second / "study.json").find("\"small-2\""), std::string::npos);
}

}  // namespace
}  // namespace lathe::cli
