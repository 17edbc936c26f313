#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "lathe/base/file.h"
#include "program.h"

// Trains on texts and on changed images with the built program.
namespace lathe::cli {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

class Rows : public ::testing::Test {
 protected:
  testing::ProgramResult run(const std::string& arguments) const {
    return testing::run_program(
        fmt::format("cd {} && {} {}", folder_.path().string(), std::getenv("LATHE_PROGRAM"), arguments),
        folder_.path());
  }
  json run_json(const std::string& arguments) const {
    const auto result = run(arguments + " --json --project-dir .");
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    return result.exit_code == 0 ? json::parse(result.output) : json();
  }
  void write(const std::string& name, const std::string& text) const {
    write_text_file_atomically(folder_.path() / name, text);
  }
  std::string read(const std::string& name) const { return read_text_file(folder_.path() / name); }

  testing::TemporaryFolder folder_;
};
using LanguageModel = Rows;
using SentenceClasses = Rows;
using ChangedImages = Rows;

// A word after the other, always in the same order: easy to learn.
std::string round_text() {
  std::string text;
  while (text.size() < 2000) text += "one two three four five. ";
  return text;
}

TEST_F(LanguageModel, TrainsTestsAndSearches) {
  write("round.txt", round_text());
  const std::string common =
      "transformer-tiny round.txt --task lm --max-token-len 8 --batch-size 8 --learning-rate 3e-3";
  const json trained = run_json("train " + common + " --max-epochs 3 --project lm");
  EXPECT_LT(trained["validation_loss"].get<double>(), 3.0);  // ln(256) is 5.5
  EXPECT_DOUBLE_EQ(trained["validation_perplexity"].get<double>(), std::exp(trained["validation_loss"].get<double>()));
  EXPECT_NE(read("lm/history.csv").find(",train_perplexity,validation_perplexity\n"), std::string::npos);
  const json tested = run_json("test " + common + " --load lm/training_ckpts/best.safetensors --project lm");
  EXPECT_EQ(tested["test_rows"], 24 * 8);  // 249 windows, of which the last tenth is the test part
  EXPECT_GT(tested["test_perplexity"], 1.0);
  write("study.toml", R"(
model = "transformer-tiny"
dataset = "round.txt"
task = "lm"
max_token_len = 8
batch_size = 8
[search.search_space]
name = "graph/quantize/mixed_precision_qat"
[search.search_space.setup]
by = "name"
[search.search_space.seed.head.config]
name = ["integer"]
weight_width = [2, 8]
data_in_width = [8]
bias_width = [8]
[search.strategy]
eval_mode = false
[search.strategy.sw_runner.basic_train]
num_samples = 64
learning_rate = 3e-3
[search.strategy.setup]
n_trials = 2
sampler = "brute_force"
sum_scaled_metrics = false
[search.strategy.metrics]
perplexity = { scale = 1.0, direction = "minimize" }
)");
  const auto result = run("search --config study.toml --project-dir . --project s");
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  for (const json& trial : json::parse(read("s/search_ckpts/log.json"))) EXPECT_EQ(trial["state"], "COMPLETE");
}

TEST_F(LanguageModel, PartsAreShownInTokens) {
  write("round.txt", round_text());
  const auto shown = run("data show round.txt --task lm --max-token-len 8");
  EXPECT_NE(shown.output.find("tokens of shape [8], 256 classes"), std::string::npos) << shown.output;
  EXPECT_NE(shown.output.find("test       |      24 |    192"), std::string::npos) << shown.output;
}

TEST_F(SentenceClasses, AreLearned) {
  std::string text = "sentence\tlabel\n";
  for (int i = 0; i < 60; ++i) text += i % 2 == 0 ? "aaaa bbbb\tgood\n" : "zz yy xx\tbad\n";
  write("marks.tsv", text);
  const json trained = run_json(
      "train transformer-tiny marks.tsv --task cls --max-token-len 8 --batch-size 8 --learning-rate 3e-3 "
      "--max-epochs 4 --project cls");
  EXPECT_EQ(trained["validation_accuracy"], 1.0);
  EXPECT_FALSE(trained.contains("validation_perplexity"));
}

// Writes IDX files of 60 images, each class with a square of its own.
void write_digits(const fs::path& folder) {
  std::string images("\0\0\x08\x03\0\0\0\x3c\0\0\0\x1c\0\0\0\x1c", 16), labels("\0\0\x08\x01\0\0\0\x3c", 8);
  for (int row = 0; row < 60; ++row) {
    labels += static_cast<char>(row % 10);
    for (int pixel = 0; pixel < 784; ++pixel)
      images += static_cast<char>(pixel / 28 / 3 == row % 10 && pixel % 28 > 9 + row % 5 ? 200 : 10);
  }
  write_text_file_atomically(folder / "train-images-idx3-ubyte", images);
  write_text_file_atomically(folder / "train-labels-idx1-ubyte", labels);
}

TEST_F(ChangedImages, AreTheSameInEveryRun) {
  write_digits(folder_.path());
  const std::string common = "train lenet mnist --data-dir . --batch-size 8 --learning-rate 1e-3 --max-epochs 2";
  const std::string changes = " --random-crop 2 --horizontal-flip --cutout 4";
  const json first = run_json(common + changes + " --project a"), again = run_json(common + changes + " --project b"),
             plain = run_json(common + " --project c");
  EXPECT_EQ(first["validation_loss"], again["validation_loss"]);
  EXPECT_EQ(read("a/history.csv"), read("b/history.csv"));
  EXPECT_NE(first["validation_loss"], plain["validation_loss"]);
}

TEST_F(ChangedImages, BelongToTheCandidateKeyOfASearch) {
  write_digits(folder_.path());
  const std::string study = R"(
model = "lenet"
dataset = "mnist"
data_dir = "."
batch_size = 8
[search.search_space]
name = "graph/quantize/mixed_precision_qat"
[search.search_space.setup]
by = "name"
[search.search_space.seed.conv1.config]
name = ["integer"]
weight_width = [4]
data_in_width = [8]
bias_width = [8]
[search.strategy]
eval_mode = false
[search.strategy.setup]
n_trials = 1
sampler = "random"
sum_scaled_metrics = false
[search.strategy.metrics]
loss = { scale = 1.0, direction = "minimize" }
[search.strategy.sw_runner.basic_train]
num_samples = 48
)";
  write("plain.toml", study);
  write("changed.toml", study + "random_crop = 3\n");
  write("wrong.toml", study + "cutout = 28\n");
  for (const char* name : {"plain", "changed"}) {
    const auto result = run(fmt::format("search --config {0}.toml --project-dir . --project {0}", name));
    ASSERT_EQ(result.exit_code, 0) << result.errors;
  }
  EXPECT_NE(json::parse(read("plain/search_ckpts/log.json")), json::parse(read("changed/search_ckpts/log.json")));
  const auto wrong = run("search --config wrong.toml --project-dir . --project wrong --quiet");
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_EQ(wrong.errors,
            "lathe: error: cutout: must be at least 0 and below 28, the side of the images [1, 28, 28]; got 28\n");
}

TEST_F(ChangedImages, TheFashionExampleRuns) {
  write_digits(folder_.path());
  const auto result = run(fmt::format(
      "search --config {}/examples/fashion_mnist.toml --data-dir . --validation-rows 8 --batch-size 8 --n-trials 2 "
      "--project-dir . --project fashion --set search.strategy.sw_runner.basic_train.num_samples=16",
      LATHE_SOURCE_DIR));
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(json::parse(read("fashion/search_ckpts/log.json")).size(), 2u);
}

}  // namespace
}  // namespace lathe::cli
