#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "lathe/base/file.h"

namespace lathe::cli {
namespace {

struct Outcome {
  int code = 0;
  std::string output, errors;
};

// Runs the built program on the bundled jets in a folder of its own.
class TrainProgram : public ::testing::Test {
 protected:
  TrainProgram() {
    folder_ = std::filesystem::path(::testing::TempDir()) /
              fmt::format("lathe_train_{}", ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~TrainProgram() override { std::filesystem::remove_all(folder_); }

  Outcome run(const std::string& arguments) const {
    const std::string command =
        fmt::format("cd {} && {} {} > out.txt 2> err.txt", folder_.string(), std::getenv("LATHE_PROGRAM"), arguments);
    const int status = std::system(command.c_str());
    return {WEXITSTATUS(status), read_text_file(folder_ / "out.txt"), read_text_file(folder_ / "err.txt")};
  }

  nlohmann::json run_json(const std::string& arguments) const {
    const Outcome outcome = run(arguments + " --json");
    EXPECT_EQ(outcome.code, 0) << outcome.errors;
    return nlohmann::json::parse(outcome.output);
  }

  std::filesystem::path file(const std::string& name) const { return folder_ / name; }

  static constexpr const char* kTrain =
      "train hls4ml-jet jets --learning-rate 1e-2 --set lr_scheduler=constant --batch-size 256 --seed 3";

 private:
  std::filesystem::path folder_;
};

TEST_F(TrainProgram, WritesItsFilesAndScoresThem) {
  const nlohmann::json trained = run_json(fmt::format("{} --max-epochs 3 --project run", kTrain));
  EXPECT_EQ(trained["outcome"], "completed");
  EXPECT_EQ(trained["steps"], trained["planned_steps"]);
  EXPECT_EQ(trained["seed"], 3);
  EXPECT_GT(trained["validation_accuracy"], 0.5);
  for (const char* name : {"training_ckpts/best.safetensors", "training_ckpts/last.safetensors",
                           "training_ckpts/last.resume.safetensors", "history.csv", "settings.toml", "run.log"})
    EXPECT_TRUE(std::filesystem::exists(file("lathe_output/run") / name)) << name;
  const nlohmann::json tested =
      run_json("test hls4ml-jet jets --load lathe_output/run/training_ckpts/best.safetensors --load-type mz");
  EXPECT_EQ(tested["weights"], "lathe_output/run/training_ckpts/best.safetensors");
  EXPECT_NEAR(tested["test_accuracy"], trained["validation_accuracy"], 0.05);
  EXPECT_EQ(tested["class_accuracy"].size(), 5u);
}

TEST_F(TrainProgram, GivesTheSameBitsAgainAndAfterAnInterruption) {
  run_json(fmt::format("{} --max-epochs 4 --project whole", kTrain));
  run_json(fmt::format("{} --max-epochs 4 --project again", kTrain));
  run_json(fmt::format("{} --max-epochs 2 --project cut", kTrain));
  run_json(fmt::format("{} --max-epochs 4 --project cut --resume", kTrain));
  const std::string whole = read_text_file(file("lathe_output/whole/training_ckpts/last.safetensors"));
  EXPECT_EQ(read_text_file(file("lathe_output/again/training_ckpts/last.safetensors")), whole);
  EXPECT_EQ(read_text_file(file("lathe_output/cut/training_ckpts/last.safetensors")), whole);
  EXPECT_EQ(read_text_file(file("lathe_output/cut/history.csv")),
            read_text_file(file("lathe_output/whole/history.csv")));
}

TEST_F(TrainProgram, RefusesToResumeSomethingElse) {
  run_json(fmt::format("{} --max-epochs 1 --project run", kTrain));
  const Outcome other = run(fmt::format("{} --max-epochs 2 --project run --resume --weight-decay 0.1 --quiet", kTrain));
  EXPECT_EQ(other.code, 2);
  EXPECT_NE(other.errors.find("--resume: the interrupted run differs in settings\n  then: optimizer=adam("),
            std::string::npos)
      << other.errors;
  const Outcome none = run(fmt::format("{} --project absent --resume --quiet", kTrain));
  EXPECT_EQ(none.code, 3);
  EXPECT_NE(none.errors.find("there is no training state to resume"), std::string::npos) << none.errors;
  EXPECT_FALSE(std::filesystem::exists(file("lathe_output/absent")));
}

TEST_F(TrainProgram, ContinuesFromACheckpointWithItsNetwork) {
  run_json(fmt::format("{} --max-epochs 2 --project first", kTrain));
  const Outcome outcome =
      run("train toy jets --max-epochs 1 --project second --load lathe_output/first/training_ckpts/best.safetensors "
          "--json");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_NE(outcome.errors.find("is not toy as you named it; the file's is used"), std::string::npos) << outcome.errors;
  EXPECT_GT(nlohmann::json::parse(outcome.output)["validation_accuracy"], 0.5);
}

TEST_F(TrainProgram, RecordsADivergedRun) {
  const Outcome outcome =
      run("train hls4ml-jet jets --training-optimizer sgd --learning-rate 1e30 --max-epochs 1 --project run --json");
  EXPECT_EQ(outcome.code, 6);
  const nlohmann::json json = nlohmann::json::parse(outcome.output);
  EXPECT_EQ(json["outcome"], "diverged");
  EXPECT_NE(json["reason"].get<std::string>().find("loss is not finite"), std::string::npos);
  EXPECT_TRUE(json["validation_accuracy"].is_null());
}

}  // namespace
}  // namespace lathe::cli
