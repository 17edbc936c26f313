#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "lathe/base/file.h"
#include "program.h"

// `lathe table` and `lathe search --profile` with the built program.
namespace lathe::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

// Six candidates on few rows; two of the eight points are the same network.
constexpr const char* kSmall = R"(
model = "jsc-three-linear-layers-logits"
dataset = "jets"
batch_size = 256
max_train_rows = 5000
validation_rows = 2000
project = "small"
[search.search_space]
name = "graph/quantize/channel_size_modifier"
[search.search_space.seed.default.config]
name = ["NA"]
[search.search_space.seed.seq_blocks_2.config]
name = ["output_only"]
channel_multiplier = [1, 1.001, 2, 3]
[search.search_space.seed.seq_blocks_4.config]
name = ["both"]
channel_multiplier = [0.5, 1]
[search.strategy]
eval_mode = false
[search.strategy.sw_runner.basic_train]
max_epochs = 2
optimizer = "adam"
learning_rate = 1e-2
[search.strategy.setup]
n_jobs = 1
sampler = "random"
[search.strategy.metrics]
accuracy.scale = 1.0
accuracy.direction = "maximize"
)";

class TableCommand : public ::testing::Test {
 protected:
  TableCommand() { write_text_file_atomically(folder() / "study.toml", kSmall); }
  fs::path folder() const { return folder_.path(); }
  testing::ProgramResult run(const std::string& arguments) const {
    return testing::run_program(
        fmt::format("cd {} && {} {}", folder().string(), std::getenv("LATHE_PROGRAM"), arguments), folder());
  }
  std::vector<std::byte> arrays(const std::string& name) const { return read_file(folder() / (name + ".npz")); }
  std::string document(const std::string& name) const { return read_text_file(folder() / (name + ".json")); }

 private:
  testing::TemporaryFolder folder_;
};

TEST_F(TableCommand, WritesTheSameBitsForAnyNumberOfJobs) {
  const auto one = run("table --config study.toml --output one --seeds 2 --n-jobs 1 --project-dir .");
  ASSERT_EQ(one.exit_code, 0) << one.errors;
  EXPECT_NE(one.output.find("Written to one.npz and one.json"), std::string::npos) << one.output;
  EXPECT_NE(one.output.find("simulated jets"), std::string::npos);
  const auto two = run("table make study.toml --output two.npz --seeds 2 --n-jobs 2 --project-dir .");
  ASSERT_EQ(two.exit_code, 0) << two.errors;
  EXPECT_EQ(arrays("one"), arrays("two"));
  EXPECT_EQ(document("one"), document("two"));
  EXPECT_FALSE(fs::exists(folder() / "one.part"));
  EXPECT_FALSE(fs::exists(folder() / "small"));  // no project folder
}

TEST_F(TableCommand, GoesOnAfterAKill) {
  ASSERT_EQ(run("table --config study.toml --output whole --seeds 2 --project-dir .").exit_code, 0);
  testing::run_program(
      fmt::format(
          "( cd {0} && exec {1} table --config study.toml --output cut --seeds 2 ) >/dev/null 2>&1 & pid=$!; "
          "for i in $(seq 500); do [ $(cat {0}/cut.part 2>/dev/null | wc -l) -ge 4 ] && break; sleep 0.01; done; "
          "kill -9 $pid; wait $pid",
          folder().string(), std::getenv("LATHE_PROGRAM")),
      folder());
  EXPECT_NE(fs::exists(folder() / "cut.part"), fs::exists(folder() / "cut.npz"));  // one of them, never both
  for (const char* whole : {"cut.npz", "cut.json"}) fs::remove(folder() / whole);  // the kill came late
  const auto rest = run("table --config study.toml --output cut --seeds 2");
  ASSERT_EQ(rest.exit_code, 0) << rest.errors;
  EXPECT_EQ(arrays("cut"), arrays("whole"));
  EXPECT_EQ(document("cut"), document("whole"));
  EXPECT_FALSE(fs::exists(folder() / "cut.part"));
}

TEST_F(TableCommand, ShowsQueriesAndChecks) {
  ASSERT_EQ(run("table --config study.toml --output small --seeds 2").exit_code, 0);
  const auto show = run("table show small --by accuracy,model_size");
  ASSERT_EQ(show.exit_code, 0) << show.errors;
  EXPECT_NE(show.output.find("6 candidates x 2 seeds x 2 epochs"), std::string::npos) << show.output;
  EXPECT_NE(show.output.find("The front, "), std::string::npos);
  EXPECT_NE(show.output.find("simulated jets"), std::string::npos);
  const json front = json::parse(run("table show small.npz --json").output);
  ASSERT_EQ(front["front"].size(), 1u);  // one objective: the best

  const auto one = run("table query small seq_blocks_2=2 seq_blocks_4=0.5");
  ASSERT_EQ(one.exit_code, 0) << one.errors;
  EXPECT_NE(one.output.find("widths 32-8-5"), std::string::npos) << one.output;
  EXPECT_NE(one.output.find("validation_loss"), std::string::npos);
  const json several = json::parse(run("table query small seq_blocks_4=0.5 --json").output);
  EXPECT_EQ(several["found"], 3);
  EXPECT_EQ(several["candidates"][0]["metrics"]["accuracy"]["seeds"].size(), 2u);
  EXPECT_EQ(several["candidates"][0]["curves"]["train_loss"][1].size(), 2u);

  const auto check = run("table check small --config study.toml --candidates 2");
  EXPECT_EQ(check.exit_code, 0) << check.errors;
  EXPECT_NE(check.output.find("2 of 6 candidates trained anew, 2 seeds each: every bit"), std::string::npos);
  const auto other = run("table check small --config study.toml --batch-size 128");
  EXPECT_EQ(other.exit_code, 3);
  EXPECT_NE(other.errors.find("is not the table of study.toml"), std::string::npos) << other.errors;
}

TEST_F(TableCommand, TheBundledTableIsWhatThisProgramTrains) {
  const auto check =
      run(fmt::format("table check {0}/data/tables/jets --config {0}/examples/table.toml --candidates 6 "
                      "--n-jobs 2",
                      LATHE_SOURCE_DIR));
  if (check.exit_code == 4) GTEST_SKIP() << check.errors;  // another SIMD target: other bits
  EXPECT_EQ(check.exit_code, 0) << check.errors;
}

TEST_F(TableCommand, ASearchSaysWhereItsTimeWent) {
  for (const int jobs : {1, 2}) {
    const auto search =
        run(fmt::format("search --config study.toml --project-dir . --profile --sampler brute_force --n-jobs {} --set "
                        "max_train_rows=40000 --set search.strategy.sw_runner.basic_train.max_epochs=40",
                        jobs));
    ASSERT_EQ(search.exit_code, 0) << search.errors;
    EXPECT_NE(search.output.find(fmt::format("Where the time went ({} thread", jobs)), std::string::npos);
    const char* study = jobs == 1 ? "small" : "small-2";
    const json profile = json::parse(read_text_file(folder() / "small/studies" / study / "study.json"))["profile"];
    double seconds = 0, shares = 0;
    for (const auto& phase : profile["phases"]) {
      seconds += phase["seconds"].get<double>();
      shares += phase["share"].get<double>();
    }
    EXPECT_EQ(profile["threads"], jobs);
    EXPECT_NEAR(seconds, jobs * profile["wall_seconds"].get<double>(), 1e-6);
    EXPECT_NEAR(shares, 1, 1e-9);
    const auto share = [&](const char* phase) { return profile["phases"][phase]["share"].get<double>(); };
    if (jobs == 1) {
      EXPECT_GT(share("train") + share("evaluate"), 0.8) << profile.dump(2);
    }
  }
}

}  // namespace
}  // namespace lathe::cli
