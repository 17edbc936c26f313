#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "lathe/base/file.h"
#include "program_folder.h"

// Files that lathe 0.1.0 wrote (README.md): they still open, go on and give their numbers.
namespace lathe {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kTargetOfFiles = "AVX3";
constexpr const char* kSplit = "--validation-rows 2000 --seed 7";  // of study.toml and table.toml

// Returns the first fields of every line of a table.
std::string first_columns(const std::string& table, int columns) {
  std::stringstream lines(table);
  std::string text, line;
  while (std::getline(lines, line)) {
    std::size_t end = 0;
    for (int column = 0; column < columns && end != std::string::npos; ++column) end = line.find(',', end + 1);
    text += line.substr(0, end) + '\n';
  }
  return text;
}

// Works on a copy of the files, in a folder of its own.
class OldFiles : public testing::ProgramFolder {
 protected:
  OldFiles() {
    fs::copy(fs::path(LATHE_SOURCE_DIR) / "tests/compatibility/files", folder(), fs::copy_options::recursive);
  }

  // Whether this machine computes the bits of the one that wrote the files.
  bool same_target() const {
    return done_json("test jets --load training/cut/training_ckpts/best.safetensors").value("target", "") ==
           kTargetOfFiles;
  }

  // Expects that the whole study has the trials that the old version found in one undisturbed run.
  void expect_trials(const std::string& database, const std::string& study, const std::string& whole) const {
    const testing::ProgramResult trials =
        run(fmt::format("study export {} --storage {} --format csv --output trials.csv", study, database));
    ASSERT_EQ(trials.exit_code, 0) << trials.errors;
    EXPECT_EQ(first_columns(read("trials.csv"), 7), read_text_file(folder() / whole));
  }
};

#define SKIP_ON_ANOTHER_TARGET() \
  if (!same_target()) GTEST_SKIP() << "the files were written on " << kTargetOfFiles << "; bits are promised per target"

TEST_F(OldFiles, TheWeightsOfATrialGiveTheirAccuracy) {
  const Json scores = done_json(fmt::format("test jets --from study/old/search_ckpts/best.json --trial 3 {}", kSplit));
  EXPECT_NEAR(scores.at("test_accuracy").get<double>(), 0.52075, 0.001);
  EXPECT_NEAR(scores.at("test_loss").get<double>(), 1.1648317, 1e-4);
}

TEST_F(OldFiles, ExportedNetworksGiveTheirAccuracy) {
  for (const char* file : {"quantised.qonnx", "quantised.qdq"}) {
    const Json scores = done_json(fmt::format("test --load onnx/{}.onnx jets {}", file, kSplit));
    EXPECT_NEAR(scores.at("test_accuracy").get<double>(), 0.52075, 0.001) << file;
  }
  EXPECT_NEAR(done_json(fmt::format("test --load onnx/float.onnx jets {}", kSplit)).at("test_accuracy").get<double>(),
              0.63975, 0.001);
}

TEST_F(OldFiles, ATableShowsItsFront) {
  const Json shown = done_json("table show table");
  EXPECT_NE(shown.dump().find("0.6415"), std::string::npos) << shown.dump(1);
}

TEST_F(OldFiles, AStudyShowsItsTrials) {
  const testing::ProgramResult trials = run("study trials old --storage study/old/search_ckpts/study.db");
  EXPECT_EQ(trials.exit_code, 0) << trials.errors;
  EXPECT_NE(trials.output.find("0.522"), std::string::npos) << trials.output;
}

TEST_F(OldFiles, AStudyGoesOnAsIfNothingHadHappened) {
  SKIP_ON_ANOTHER_TARGET();
  const testing::ProgramResult resumed =
      run("search --config study.toml --project-dir study --resume --n-trials 16 --quiet");
  ASSERT_EQ(resumed.exit_code, 0) << resumed.errors;
  expect_trials("study/old/search_ckpts/study.db", "old", "study/whole.csv");
}

TEST_F(OldFiles, ATrialThatWasKilledGoesOnFromItsState) {
  SKIP_ON_ANOTHER_TARGET();
  const testing::ProgramResult resumed = run("search --config long.toml --project-dir cut --resume");
  ASSERT_EQ(resumed.exit_code, 0) << resumed.errors;
  EXPECT_NE(resumed.errors.find("goes on after step 29951"), std::string::npos) << resumed.errors;
  expect_trials("cut/long/search_ckpts/study.db", "long", "cut/whole.csv");
}

TEST_F(OldFiles, ATrainingGoesOnWithTheSameBits) {
  SKIP_ON_ANOTHER_TARGET();
  const Json trained = done_json(
      "train jsc-toy jets --learning-rate 1e-2 --set lr_scheduler=constant --batch-size 256 --seed 3 "
      "--max-train-rows 20000 --max-epochs 4 --project-dir training --project cut --resume");
  EXPECT_EQ(trained.value("outcome", ""), "completed");
  const fs::path last = trained.at("paths").at("last").get<std::string>();
  EXPECT_EQ(testing::tensor_bytes(folder() / last), testing::tensor_bytes(folder() / "training/whole.safetensors"));
}

TEST_F(OldFiles, ATableGoesOnFromItsPart) {
  SKIP_ON_ANOTHER_TARGET();
  const testing::ProgramResult made = run("table --config table.toml --output cut-table --seeds 2");
  ASSERT_EQ(made.exit_code, 0) << made.errors;
  EXPECT_NE(made.errors.find("24 trainings, 13 of them done"), std::string::npos) << made.errors;
  EXPECT_EQ(read_text_file(folder() / "cut-table.npz"), read_text_file(folder() / "table.npz"));
}

}  // namespace
}  // namespace lathe
