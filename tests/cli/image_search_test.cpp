#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "lathe/base/file.h"
#include "lathe/base/random.h"
#include "program.h"

// Searches over the widths of convolutional networks with the built program, on records like CIFAR-10's.
namespace lathe::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

constexpr int kClasses = 10, kPixels = 3 * 32 * 32;

// Makes records whose class is the colour of the picture, with noise.
std::vector<std::byte> records(int count) {
  RandomStream random(3, {}, "records");
  std::vector<std::byte> bytes;
  for (int row = 0; row < count; ++row) {
    const int label = row % kClasses;
    bytes.push_back(static_cast<std::byte>(label));
    for (int pixel = 0; pixel < kPixels; ++pixel) {
      const double level = 25.0 * (pixel / 1024 == label % 3 ? label : 10 - label) + 10 * random.normal();
      bytes.push_back(static_cast<std::byte>(std::clamp(level, 0.0, 255.0)));
    }
  }
  return bytes;
}

class ImageSearch : public ::testing::Test {
 protected:
  void SetUp() override { write_file_atomically(folder_.path() / "records.bin", records(60)); }

  testing::ProgramResult run(const std::string& arguments) const {
    return testing::run_program(
        fmt::format("cd {} && {} {}", folder_.path().string(), std::getenv("LATHE_PROGRAM"), arguments),
        folder_.path());
  }
  // Searches with a file, so small that it ends in seconds.
  testing::ProgramResult search(const fs::path& study, const std::string& arguments) const {
    return run(
        fmt::format("search --config {} --data-dir records.bin --accelerator cpu --batch-size 8 --validation-rows 8 "
                    "--project-dir . --project images --n-trials 2 {}",
                    study.string(), arguments));
  }
  json results(const std::string& file) const {
    return json::parse(read_text_file(folder_.path() / "images/studies/images" / file));
  }
  // Checks that every trial is complete and that its widths follow its choices.
  void expect_complete(std::size_t trials) const {
    const json log = results("log.json");
    EXPECT_EQ(log.size(), trials);
    for (const json& trial : log) EXPECT_EQ(trial["state"], "COMPLETE") << trial.dump(2);
    for (const json& trial : results("study.json")["trials"]) {
      EXPECT_EQ(trial["widths"].get<std::string>().substr(0, 8), "3x32x32-") << trial.dump(2);
    }
  }

  testing::TemporaryFolder folder_;
};

fs::path lab(const std::string& name) {
  if (const char* data = std::getenv("LATHE_TEST_DATA")) return fs::path(data).parent_path() / "labs" / name;
  return fs::path(LATHE_SOURCE_DIR).parent_path() / "shared/labs" / name;
}

constexpr const char* kFewSteps = "--set search.strategy.sw_runner.basic_train.num_samples=16";

TEST_F(ImageSearch, TheExampleTrainsVgg7OfSearchedWidths) {
  const auto result = search(fs::path(LATHE_SOURCE_DIR) / "examples/vgg7_widths.toml",
                             fmt::format("--n-jobs 1 --set model='\"vgg7\"' {}", kFewSteps));
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  expect_complete(2);
  const std::string name = results("best.json").begin().value()["number"].dump();
  const auto info = run("info --from images/search_ckpts/best.json --trial " + name + " --json");
  ASSERT_EQ(info.exit_code, 0) << info.errors;
  EXPECT_NE(json::parse(info.output)["graph"].get<std::string>().find("view = flatten(feature_layers_20)"),
            std::string::npos);
}

TEST_F(ImageSearch, TheLabOfWidthsRuns) {
  if (!fs::exists(lab("vgg7_channels.toml"))) GTEST_SKIP() << "the labs' files are absent";
  const auto result = search(lab("vgg7_channels.toml"), kFewSteps);
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  expect_complete(2);
}

TEST_F(ImageSearch, TheExhaustiveLabRuns) {
  if (!fs::exists(lab("vgg7_brute.toml"))) GTEST_SKIP() << "the labs' files are absent";
  const auto result =
      search(lab("vgg7_brute.toml"), "--set search.strategy.sw_runner.basic_evaluation.num_samples=2 --batch-size 2");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  expect_complete(2);
}

TEST_F(ImageSearch, TransformScalesAndQuantisesConvolutions) {
  write_text_file_atomically(folder_.path() / "study.toml", R"(
model = "vgg7-tiny"
dataset = "cifar10"
[passes.scale_channels]
by = "name"
[passes.scale_channels.feature_layers_5.config]
name = "output_only"
channel_multiplier = 2
[passes.quantize]
by = "type"
[passes.quantize.conv2d.config]
name = "integer"
data_in_width = 8
data_in_frac_width = 4
weight_width = 4
weight_frac_width = 2
bias_width = 8
bias_frac_width = 4
)");
  const auto result = run("transform --config study.toml --project-dir . --json");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const std::string graph = json::parse(result.output)["graph"].get<std::string>();
  EXPECT_NE(graph.find("x = input(; shape=\"[3, 32, 32]\")"), std::string::npos) << graph;
  EXPECT_NE(graph.find("classifier_0 @ classifier.0 = linear(view; in_features=1024,"), std::string::npos) << graph;
  EXPECT_NE(graph.find("feature_layers_5_data_in = quantize(feature_layers_4;"), std::string::npos) << graph;
}

TEST_F(ImageSearch, ImagesForANetworkOfFeaturesAreRefused) {
  const auto result = run("train jsc-tiny cifar10 --data-dir records.bin");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_NE(
      result.errors.find("model: jsc-tiny reads rows of features [features]; the data has rows of shape [3, 32, 32]"),
      std::string::npos)
      << result.errors;
}

}  // namespace
}  // namespace lathe::cli
