// Regression from end to end on the bundled jets: show, train, test, search.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "lathe/base/file.h"

namespace lathe::cli {
namespace {

namespace fs = std::filesystem;

class RegressionProgram : public ::testing::Test {
 protected:
  RegressionProgram() {
    folder_ = fs::path(::testing::TempDir()) /
              fmt::format("lathe_regression_{}", ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~RegressionProgram() override { fs::remove_all(folder_); }

  std::string run(const std::string& arguments) const {
    const std::string command =
        fmt::format("cd {} && {} {} > out.txt 2> err.txt", folder_.string(), std::getenv("LATHE_PROGRAM"), arguments);
    const int status = std::system(command.c_str());
    EXPECT_EQ(WEXITSTATUS(status), 0) << read_text_file(folder_ / "err.txt");
    return read_text_file(folder_ / "out.txt");
  }
  nlohmann::json run_json(const std::string& arguments) const {
    return nlohmann::json::parse(run(arguments + " --json"));
  }

  fs::path folder_;
};

const std::string kExample = fmt::format("--config {}/examples/regression.toml --project-dir .", LATHE_SOURCE_DIR);

TEST_F(RegressionProgram, TrainsAndTestsTheExample) {
  const nlohmann::json trained = run_json(fmt::format("train {} --max-epochs 4", kExample));
  EXPECT_EQ(trained["outcome"], "completed");
  EXPECT_GT(trained["validation_r2"], 0.8);
  EXPECT_FALSE(trained.contains("validation_accuracy"));
  EXPECT_EQ(trained["data_source"], "simulated jets (lathe jets, bundled sample), regression of mass_mmdt");
  const std::string weights = "regression/training_ckpts/best.safetensors";
  const nlohmann::json tested = run_json(fmt::format("test {} --load {}", kExample, weights));
  EXPECT_GT(tested["test_r2"], 0.8);
  const nlohmann::json& mass = tested["targets"]["mass_mmdt"];
  EXPECT_NEAR(mass["r2"].get<double>(), tested["test_r2"].get<double>(), 1e-12);
  EXPECT_NEAR(mass["rmse_in_units"].get<double>(),
              std::sqrt(mass["mse"].get<double>()) * mass["deviation"].get<double>(), 1e-9);
  const std::string text = run(fmt::format("test {} --load {}", kExample, weights));
  EXPECT_NE(text.find("rmse in its unit"), std::string::npos) << text;
  const std::string history = read_text_file(folder_ / "regression/history.csv");
  EXPECT_NE(history.find("validation_loss"), std::string::npos);
}

TEST_F(RegressionProgram, SearchesTheExample) {
  const nlohmann::json found =
      run_json(fmt::format("search {} --n-trials 4 --set search.strategy.sw_runner.basic_train.max_epochs=1 --set "
                           "search.final.top=1",
                           kExample));
  const nlohmann::json& study = found["study"];
  EXPECT_EQ(study["trials"]["COMPLETE"], 4);
  for (const auto& [number, trial] : found["best"].items()) {
    EXPECT_TRUE(trial["software_metrics"].contains("r2")) << trial;
    EXPECT_FALSE(trial["software_metrics"].contains("accuracy")) << trial;
  }
  EXPECT_GT(study["final"][0]["mean_r2"], 0.3) << study["final"];
  const std::string shown = run("data show jets --task regression --targets mass_mmdt,multiplicity");
  EXPECT_NE(shown.find("14 features, 2 targets"), std::string::npos) << shown;
}

// All losses and options from the command line.
TEST_F(RegressionProgram, LearnsWithEveryLoss) {
  const std::string regression = "train --config study.toml --max-epochs 2 --learning-rate 1e-2 --set seed=1";
  write_text_file_atomically(folder_ / "study.toml",
                             "dataset = \"toy_tiny\"\ntask = \"reg\"\ntargets = [\"f0\"]\nproject_dir = \".\"\n"
                             "[model]\nlayers = [{type = \"linear\", out_features = 4}, \"silu\", {type = \"linear\", "
                             "out_features = 1}]\n");
  for (const std::string loss : {"mse", "mae", "huber --huber-delta 0.5"})
    EXPECT_EQ(run_json(fmt::format("{} --loss {}", regression, loss))["outcome"], "completed") << loss;
  const nlohmann::json plain = run_json("train toy toy_tiny --max-epochs 1 --learning-rate 1e-2 --project-dir .");
  const nlohmann::json shaped = run_json(
      "train toy toy_tiny --max-epochs 1 --learning-rate 1e-2 --project-dir . --label-smoothing 0.1 --class-weights "
      "1,2 "
      "--l1 1e-4 --l2 1e-4");
  EXPECT_GT(shaped["validation_accuracy"], 0.9);
  EXPECT_GT(shaped["validation_loss"], plain["validation_loss"]);
}

}  // namespace
}  // namespace lathe::cli
