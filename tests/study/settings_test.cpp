#include "lathe/study/settings.h"

#include <gtest/gtest.h>

#include "lathe/base/log.h"

namespace lathe::study {
namespace {

const std::string kSpace = "[search.search_space]\nname = \"graph/quantize/mixed_precision_ptq\"\n";
const std::string kMetrics = "[search.strategy.metrics]\naccuracy = {scale = 1.0, direction = \"maximize\"}\n";
const std::string kSetup = "[search.strategy.setup]\nn_trials = 4\n";

StudySettings parse(const std::string& document) {
  const config::Value root = config::parse_text(document, "study.toml");
  return parse_study(root, config::read_settings(root));
}

std::string error_of(const std::string& document) {
  try {
    parse(document);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ParseStudy, ReadsMasesTables) {
  const StudySettings study = parse(R"(
batch_size = 256
learning_rate = 0.5
[search.strategy]
name = "optuna"
eval_mode = false
[search.strategy.sw_runner.basic_train]
name = "accuracy"
data_loader = "train_dataloader"
num_samples = 1000
max_epochs = 10
lr_scheduler = "linear"
optimizer = "adamw"
learning_rate = 1e-4
num_warmup_steps = 7
[search.strategy.hw_runner.average_bitwidth]
compare_to = 16
[search.strategy.setup]
n_jobs = 2
n_trials = 9
timeout = 20000
sampler = "brute-force"
sum_scaled_metrics = true
direction = "maximize"
[search.strategy.metrics]
loss.scale = -0.1
loss.direction = "maximize"
accuracy.scale = 1.0
accuracy.direction = "maximize"
)");
  ASSERT_TRUE(study.train);
  EXPECT_EQ(study.train->settings.num_samples, 1000);
  EXPECT_EQ(study.train->settings.warmup_steps, 7);
  EXPECT_EQ(study.train->settings.batch_size, 256);
  EXPECT_EQ(study.train->settings.optimizer.kind, engine::OptimizerKind::kAdamW);
  EXPECT_EQ(study.train->settings.schedule, engine::ScheduleKind::kLinear);
  EXPECT_EQ(study.compare_to_bits, 16);
  EXPECT_EQ(study.directions, (std::vector{Direction::kMaximize}));
  ASSERT_EQ(study.objectives.size(), 2u);
  EXPECT_EQ(study.objectives[0].name, "accuracy");
  EXPECT_EQ(study.timeout_seconds, 20000);
}

TEST(ParseStudy, RefusesWhatCannotWork) {
  EXPECT_EQ(
      error_of("seed = 1\n" + kSpace + "[search.strategy]\n" + kMetrics + "[search.strategy.setup]\nn_trials = 0\n"),
      "study.toml:8:12: search.strategy.setup.n_trials: must be at least 1; got 0");
  EXPECT_EQ(error_of("[search.strategy]\n" + kMetrics + "[search.strategy.setup]\nn_trails = 3\n")
                .find("study.toml:5:1: search.strategy.setup.n_trails: unknown key; did you mean \"n_trials\"?"),
            0u)
      << error_of("[search.strategy]\n" + kMetrics + "[search.strategy.setup]\nn_trails = 3\n");
  EXPECT_NE(error_of("[search.strategy]\n" + kSetup + "[search.strategy.metrics]\nacuracy = {scale = 1.0}\n")
                .find("unknown metric \"acuracy\"; did you mean \"accuracy\"?"),
            std::string::npos);
  EXPECT_NE(error_of("[search.strategy]\n" + kSetup +
                     "[search.strategy.metrics]\ntraining_time = {scale = 1.0, direction = \"minimize\"}\n")
                .find("nothing in this study produces the metric \"training_time\""),
            std::string::npos);
  EXPECT_NE(
      error_of("[search.strategy]\neval_mode = false\n" + kSetup + kMetrics).find("eval_mode = false needs a runner"),
      std::string::npos);
  EXPECT_NE(error_of("[search.strategy]\n[search.strategy.sw_runner.basic_train]\nmax_epochs = 1\n" + kSetup + kMetrics)
                .find("training needs eval_mode = false"),
            std::string::npos);
  EXPECT_NE(error_of("[search.strategy]\n" + kMetrics + "[search.strategy.setup]\nsampler = \"tpee\"\n")
                .find("did you mean \"tpe\"?"),
            std::string::npos);
  EXPECT_NE(error_of("seed = 1\n").find("the [search] table is missing"), std::string::npos);
}

TEST(ParseStudy, WarnsOfAScaleAgainstTheDirection) {
  log::Capture capture;
  parse("[search.strategy]\n" + kSetup +
        "[search.strategy.metrics]\naccuracy = {scale = -1.0, direction = \"maximize\"}\n");
  EXPECT_NE(capture.text().find("the search will lower accuracy, of which less is worse"), std::string::npos)
      << capture.text();
}

TEST(ParseStudy, ResolvesFormulas) {
  const StudySettings study = parse("[search.strategy]\n" + kSetup +
                                    "[search.strategy.metrics.score]\nexpr = \"accuracy - 0.1 * loss\"\n"
                                    "direction = \"maximize\"\n");
  ASSERT_EQ(metrics_needed(study).size(), 2u);
  EXPECT_EQ(metrics_needed(study)[0]->name, "accuracy");
}

}  // namespace
}  // namespace lathe::study
