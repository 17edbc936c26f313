#include "lathe/recipe/study_settings.h"

#include <gtest/gtest.h>

#include "lathe/base/log.h"
#include "lathe/recipe/search_training.h"
#include "lathe/recipe/study_pruner.h"

namespace lathe::recipe {
namespace {

const std::string kSpace = "[search.search_space]\nname = \"graph/quantize/mixed_precision_ptq\"\n";
const std::string kMetrics = "[search.strategy.metrics]\naccuracy = {scale = 1.0, direction = \"maximize\"}\n";
const std::string kSetup = "[search.strategy.setup]\nn_trials = 4\n";

StudySettings parse(const std::string& document) {
  const config::Value root = config::parse_text(document, "study.toml");
  return parse_study(root, read_settings(root));
}

std::string error_of(const std::string& document) {
  try {
    parse(document);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

TEST(ParseStudy, ReadsWhatATrialRunsWith) {
  const std::string trained =
      "[search.strategy]\neval_mode = false\n[search.strategy.sw_runner.basic_train]\nmax_epochs = 1\n";
  const StudySettings plain = parse(trained + kSetup + kMetrics);
  EXPECT_EQ(plain.threads, 1);
  EXPECT_EQ(plain.precision, engine::Precision::kFloat32);
  EXPECT_EQ(plain.weights, engine::WeightPolicy::kFresh);
  EXPECT_EQ(plain.runner_text().find("precision"), std::string::npos);  // keys of earlier versions stay
  EXPECT_FALSE(plain.max_memory_bytes);
  EXPECT_FALSE(plain.keep_best);
  EXPECT_EQ(plain.checkpoint_interval_seconds, 60);

  const StudySettings study = parse("threads = 4\ntrainer_precision = \"bf16-mixed\"\nweights = \"inherit\"\n" +
                                    trained + "weights = \"net2wider\"\n" + kSetup +
                                    "max_memory = 20100\nkeep_best = 3\ncheckpoint_interval = 0\n" + kMetrics);
  EXPECT_EQ(study.threads, 4);
  EXPECT_EQ(study.precision, engine::Precision::kBFloat16);
  EXPECT_EQ(study.weights, engine::WeightPolicy::kNet2Wider);  // the runner's own key goes first
  EXPECT_EQ(study.runner_text(), plain.runner_text() + " precision=bf16");
  EXPECT_EQ(study.max_memory_bytes, 20'100'000'000);
  EXPECT_EQ(study.keep_best, 3);
  EXPECT_EQ(study.checkpoint_interval_seconds, 0);
  EXPECT_NE(error_of("weights = \"frsh\"\n" + trained + kSetup + kMetrics).find("did you mean \"fresh\"?"),
            std::string::npos);
}

const std::string kThreeEpochs =
    "[search.strategy]\neval_mode = false\n[search.strategy.sw_runner.basic_train]\nmax_epochs = 3\n";

std::string warnings_of(const std::string& document) {
  log::Capture capture;
  parse(document);
  return capture.text();
}

TEST(GeneralTraining, ActsInASearchWhereTheRunnerSaysNothing) {
  const StudySettings plain = parse(kThreeEpochs + kSetup + kMetrics);
  // Stored studies are recognised by this text: it stays what it was.
  EXPECT_EQ(
      plain.runner_text(),
      "eval_mode=false evaluate=val:-1 train=train optimizer=adam(weight_decay=0, beta1=0.9, beta2=0.999, "
      "epsilon=1e-08) learning_rate=1e-05 schedule=constant minimum_learning_rate=0 warmup_steps=0 batch_size=128 "
      "max_epochs=3 max_steps=none num_samples=none accumulate_grad_batches=1 shuffle=blocks "
      "validate_each_epoch=false");
  const std::string general =
      "lr_scheduler = \"cosine\"\nnum_warmup_steps = 7\neta_min = 1e-7\nmax_steps = 5\naccumulate_grad_batches = 8\n"
      "training_optimizer = \"sgd\"\nmomentum = 0.5\nnesterov = true\n";
  const engine::TrainSettings train = parse(general + kThreeEpochs + kSetup + kMetrics).train->settings;
  EXPECT_EQ(train.schedule, "cosine");
  EXPECT_EQ(train.options.get("num_warmup_steps"), 7);
  EXPECT_EQ(train.minimum_learning_rate, 1e-7);
  EXPECT_EQ(train.max_steps, 5);
  EXPECT_EQ(train.accumulate_grad_batches, 8);
  EXPECT_EQ(train.optimizer.momentum, 0.5);
  EXPECT_TRUE(train.optimizer.nesterov);
  const engine::TrainSettings own =
      parse(general + kThreeEpochs +
            "lr_scheduler = \"linear\"\nnum_warmup_steps = 1\neta_min = 0\nmax_steps = 9\n"
            "gradient_accumulation_steps = 2\nmomentum = 0.1\nnesterov = false\n" +
            kSetup + kMetrics)
          .train->settings;
  EXPECT_EQ(own.schedule, "linear");
  EXPECT_EQ(own.options.get("num_warmup_steps"), 1);
  EXPECT_EQ(own.minimum_learning_rate, 0);
  EXPECT_EQ(own.max_steps, 9);
  EXPECT_EQ(own.accumulate_grad_batches, 2);
  EXPECT_EQ(own.optimizer.momentum, 0.1);
  EXPECT_FALSE(own.optimizer.nesterov);
}

TEST(GeneralTraining, ErrorsStandWhereTheKeyStands) {
  EXPECT_EQ(error_of("max_steps = 0\n" + kThreeEpochs + kSetup + kMetrics),
            "study.toml:1:13: max_steps: must be at least 1, or -1 for no limit; got 0");
  EXPECT_EQ(error_of("training_optimizer = \"sgd\"\nnesterov = true\n" + kThreeEpochs + kSetup + kMetrics),
            "study.toml:2:12: nesterov: needs a momentum above 0");
}

TEST(GeneralTraining, WarnsOfWhatChangesNothing) {
  EXPECT_EQ(warnings_of(kThreeEpochs + kSetup + kMetrics), "");
  EXPECT_NE(warnings_of("momentum = 0.5\nnesterov = false\n" + kThreeEpochs + kSetup + kMetrics)
                .find("study.toml:1:1: momentum has no effect in this search: it belongs to sgd"),
            std::string::npos);
  EXPECT_EQ(warnings_of("momentum = 0.5\n" + kThreeEpochs + kSetup + kMetrics +
                        "[search.search_space.training]\noptimizer = [\"adam\", \"sgd\"]\n"),
            "");
  EXPECT_NE(warnings_of("eta_min = 1e-6\n" + kThreeEpochs + kSetup + kMetrics)
                .find("eta_min has no effect: lr_scheduler is \"constant\""),
            std::string::npos);
  EXPECT_NE(
      warnings_of("log_every_n_steps = 5\n" + kThreeEpochs + kSetup + kMetrics).find("log_every_n_steps has no effect"),
      std::string::npos);
  EXPECT_NE(warnings_of("learning_rate = 1e-3\nmax_steps = 5\nbatch_size = 8\n[search.strategy]\n" + kSetup + kMetrics)
                .find("learning_rate, max_steps have no effect in this search, which trains nothing"),
            std::string::npos);
}

TEST(GeneralTraining, DefaultsThatAResolvedFileRepeatsAreNobodysChoice) {
  const config::Value root = config::parse_text("max_steps = 5\n" + kThreeEpochs + kSetup + kMetrics, "study.toml");
  const Settings settings = read_settings(root);
  const std::string resolved = resolved_document(with_general_training(root, settings), settings);
  EXPECT_EQ(parse(resolved).runner_text(), parse_study(root, settings).runner_text());
  // As earlier versions wrote it: every key, none of them in the runner's table.
  const config::Value plain = config::parse_text(kThreeEpochs + kSetup + kMetrics, "study.toml");
  const std::string earlier = resolved_document(plain, read_settings(plain));
  EXPECT_NE(earlier.find("lr_scheduler = \"cosine\""), std::string::npos);
  EXPECT_EQ(parse(earlier).runner_text(), parse(kThreeEpochs + kSetup + kMetrics).runner_text());
  EXPECT_EQ(warnings_of(earlier), "");
}

TEST(GeneralTraining, TellsWhatTrains) {
  const auto effective = [](const std::string& document) {
    const config::Value root = config::parse_text(document, "study.toml");
    return effective_training(root, read_settings(root));
  };
  auto keys = effective("max_steps = 5\nlearning_rate = 0.5\n" + kThreeEpochs + "learning_rate = 0.01\n" + kSetup +
                        kMetrics + "[search.search_space.training]\nweight_decay = [0, 1]\n");
  EXPECT_EQ(keys["learning_rate"], "0.01");
  EXPECT_EQ(keys["lr_scheduler"], "\"constant\"");
  EXPECT_EQ(keys["eta_min"], "0");
  EXPECT_EQ(keys["max_epochs"], "3");
  EXPECT_EQ(keys["max_steps"], "5");
  EXPECT_EQ(keys["weight_decay"], "\"searched\"");
  EXPECT_EQ(keys["log_every_n_steps"], "0");
  EXPECT_FALSE(keys.contains("l2"));  // the general key is what trains
  keys = effective("[search.strategy]\n" + kSetup + kMetrics);
  EXPECT_EQ(keys["learning_rate"], "\"NA\"");
  EXPECT_FALSE(keys.contains("batch_size"));
}

TEST(GeneralTraining, TheRateThatTrainsBoundsTheEndOfItsCourse) {
  const auto document = [](const std::string& eta_min, const std::string& searched) {
    return kThreeEpochs + "lr_scheduler = \"cosine\"\neta_min = " + eta_min + "\n" + kSetup + kMetrics + searched;
  };
  const std::string rates = "[search.search_space.training]\nlearning_rate = [1e-2, 1e-4]\n";
  const StudySettings study = parse(document("1e-3", rates));
  engine::TrainSettings trial = study.train->settings;
  trial.learning_rate = 1e-2;
  EXPECT_DOUBLE_EQ(engine::learning_rate_at(trial, 100, 100), 1e-3);
  EXPECT_NE(trial.to_text().find("minimum_learning_rate=0.001 "), std::string::npos);
  trial.learning_rate = 1e-4;  // a course never rises
  for (const std::int64_t step : {0, 50, 100}) EXPECT_DOUBLE_EQ(engine::learning_rate_at(trial, step, 100), 1e-4);
  EXPECT_NE(trial.to_text().find("minimum_learning_rate=0.0001 "), std::string::npos);
  EXPECT_NE(study.runner_text(), parse(document("1e-2", rates)).runner_text());

  const StudySettings fixed = parse(document("1e-3", ""));  // of earlier versions: the text stays
  EXPECT_EQ(fixed.train->settings.minimum_learning_rate, 1e-5);
  EXPECT_EQ(fixed.runner_text().find("eta_min"), std::string::npos);
  const config::Value root = config::parse_text(document("1e-3", rates), "study.toml");
  EXPECT_EQ(effective_training(root, read_settings(root))["eta_min"], "0.001");
}

TEST(ParseStudy, RefusesScalesThatPullTheSumTheWrongWay) {
  const auto of = [](const std::string& direction, const std::string& metrics) {
    return error_of("[search.strategy]\n[search.strategy.setup]\nsum_scaled_metrics = true\ndirection = \"" +
                    direction + "\"\n[search.strategy.metrics]\n" + metrics);
  };
  const std::string place = "study.toml:6:12: search.strategy.metrics.";
  EXPECT_EQ(of("minimize", "accuracy = {scale = 1.0}\n"),
            place +
                "accuracy: the sum is to be minimized, which with scale 1 would lower accuracy, of which less is "
                "worse: write scale = -1");
  EXPECT_EQ(of("maximize", "accuracy = {scale = 1.0, direction = \"minimize\"}\n"),
            place +
                "accuracy: the sum is to be maximized, which with scale 1 would raise accuracy, against direction = "
                "\"minimize\": write direction = \"maximize\"");
  EXPECT_NE(of("maximize", "average_bitwidth = {scale = 0.2, direction = \"minimize\"}\n").find("write scale = -0.2"),
            std::string::npos);
  EXPECT_NE(of("maximize", "loss = {scale = 2}\n").find("write scale = -2"), std::string::npos);
  EXPECT_NE(of("maximize", "gain = {expr = \"accuracy - loss\", scale = 1, direction = \"minimize\"}\n")
                .find("write scale = -1"),
            std::string::npos);
  for (const char* right :
       {"accuracy = {scale = 2.0}\naverage_bitwidth = {scale = -0.1}\n",
        "accuracy = {scale = 2.0, direction = \"maximize\"}\nloss = {scale = -0.1, direction = \"minimize\"}\n",
        "accuracy = {scale = 2.0, direction = \"maximize\"}\nloss = {scale = -0.1, direction = \"maximize\"}\n",
        "average_bitwidth = {scale = 0.2, direction = \"maximize\"}\n",  // wanted, in so many words
        "gain = {expr = \"accuracy - loss\", scale = -1}\n"})
    EXPECT_EQ(of("maximize", right), "no error") << right;
  EXPECT_EQ(of("minimize", "loss = {scale = 1.0, direction = \"minimize\"}\naccuracy = {scale = -1}\n"), "no error");
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
  EXPECT_EQ(study.train->settings.options.get("num_warmup_steps"), 7);
  EXPECT_EQ(study.train->settings.batch_size, 256);
  EXPECT_EQ(study.train->settings.optimizer.name, "adamw");
  EXPECT_EQ(study.train->settings.schedule, "linear");
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

const std::string kTrained =
    "[search.strategy]\neval_mode = false\n[search.strategy.sw_runner.basic_train]\nmax_epochs = 1\n" + kSetup +
    kMetrics;

TEST(ParseStudy, ReadsAPruner) {
  const StudySettings study =
      parse(kTrained +
            "[search.strategy.pruner]\nname = \"SuccessiveHalving\"\nresource = \"samples\"\ninterval = 500\n"
            "reduction_factor = 3\n");
  ASSERT_TRUE(study.pruner);
  EXPECT_EQ(study.pruner->name, "asha");
  EXPECT_EQ(study.pruner->resource, engine::Resource::kSamples);
  EXPECT_EQ(study.pruner->interval, 500);
  ASSERT_NE(study.pruner->options->find("reduction_factor"), nullptr);
  EXPECT_EQ(study.pruner->options->find("interval"), nullptr);
  EXPECT_NE(make_pruner(study), nullptr);
  EXPECT_FALSE(parse(kTrained).pruner);
  EXPECT_EQ(make_pruner(parse(kTrained)), nullptr);
}

TEST(ParseStudy, RefusesPrunersThatCannotWork) {
  const std::string table = kTrained + "[search.strategy.pruner]\n";
  EXPECT_EQ(error_of(table + "interval = 2\n")
                .find("study.toml:9:1: search.strategy.pruner: name is missing; write, for example, name = \"asha\""),
            0u)
      << error_of(table + "interval = 2\n");
  EXPECT_NE(error_of(table + "name = \"ahsa\"\n").find("study.toml:10:8: search.strategy.pruner.name: unknown pruner"),
            std::string::npos);
  EXPECT_NE(error_of(table + "name = \"asha\"\nreduction_facter = 3\n").find("did you mean \"reduction_factor\"?"),
            std::string::npos);
  EXPECT_NE(error_of(table + "name = \"asha\"\nresource = \"steps\"\n").find("search.strategy.pruner.resource"),
            std::string::npos);
  EXPECT_NE(error_of("[search.strategy]\n" + kSetup + kMetrics + "[search.strategy.pruner]\nname = \"asha\"\n")
                .find("this study trains nothing (eval_mode = true)"),
            std::string::npos);
  EXPECT_NE(error_of(kTrained + "loss = {scale = 1.0, direction = \"minimize\"}\n[search.strategy.pruner]\n"
                                "name = \"median\"\n")
                .find("median compares one objective and this study has 2: use \"moasha\""),
            std::string::npos);
}

TEST(ParseStudy, RefusesConstraintsThatNothingMeets) {
  const std::string table = kTrained + "[search.strategy.constraints]\n";
  const auto error = [&](const std::string& line) { return error_of(table + line + "\n"); };
  EXPECT_NE(error("modle_size.max = 3").find("study.toml:10:1"), std::string::npos) << error("modle_size.max = 3");
  EXPECT_NE(error("modle_size.max = 3").find("unknown metric \"modle_size\"; did you mean \"model_size\"?"),
            std::string::npos);
  EXPECT_NE(error("accuracy.min = 60").find("no candidate can meet it: accuracy is never above 1"), std::string::npos);
  EXPECT_NE(error("model_size.max = -1").find("no candidate can meet it: model_size is never below 0"),
            std::string::npos);
  EXPECT_NE(error("model_size = {min = 3, max = 2}").find("min 3 is above max 2"), std::string::npos);
  EXPECT_NE(error("model_size = {}").find("needs a min, a max or both"), std::string::npos);
  EXPECT_NE(error("model_size.max = inf").find("must be a finite number"), std::string::npos)
      << error("model_size.max = inf");
  EXPECT_NE(error("cost = {expr = \"flops * \", max = 2}").find("search.strategy.constraints.cost.expr"),
            std::string::npos);
  EXPECT_NE(error("acc.min = 0.5\naccuracy.max = 0.6").find("named twice"), std::string::npos);
  EXPECT_NE(
      error_of("[search.strategy]\n" + kSetup + kMetrics + "[search.strategy.constraints]\ntraining_time.max = 3\n")
          .find("nothing in this study produces the metric \"training_time\""),
      std::string::npos);
}

TEST(ParseStudy, ReadsRepeatsAndRaces) {
  const std::string repeats =
      std::string(kTrained).replace(kTrained.find("n_trials = 4"), 12, "n_trials = 4\nrepeats = 3");
  EXPECT_EQ(parse(repeats).repeats, 3);
  EXPECT_EQ(parse(repeats).most_repeats(), 3);
  const StudySettings racing = parse(repeats + "[search.strategy.racing]\nmax_repeats = 7\nconfidence = 0.9\n");
  ASSERT_TRUE(racing.racing);
  EXPECT_EQ(racing.racing->max_repeats, 7);
  EXPECT_EQ(racing.racing->confidence, 0.9);
  EXPECT_EQ(racing.most_repeats(), 7);
  EXPECT_NE(error_of(repeats + "[search.strategy.racing]\nmax_repeats = 2\n").find("is below repeats = 3"),
            std::string::npos);
  EXPECT_NE(error_of(repeats + "[search.strategy.racing]\nconfidence = 1\n").find("confidence"), std::string::npos);
  EXPECT_NE(error_of("[search.strategy]\n" + kMetrics + "[search.strategy.setup]\nrepeats = 2\n")
                .find("several seeds need training"),
            std::string::npos);
  EXPECT_NE(error_of("[search.strategy]\n" + kMetrics + kSetup + "[search.strategy.racing]\n").find("trains nothing"),
            std::string::npos);
}

TEST(StudyReference, ListsTheBudgets) {
  const std::string reference = study_reference();
  for (const char* text :
       {"[search.strategy.pruner]", "[search.strategy.constraints.METRIC]", "[search.strategy.racing]", "`repeats`",
        "### Options of hyperband", "| `moasha` |", "`wrapped`"}) {
    EXPECT_NE(reference.find(text), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace lathe::recipe
