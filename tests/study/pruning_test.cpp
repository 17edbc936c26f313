#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "lathe/model/zoo.h"
#include "lathe/recipe/study_pruner.h"
#include "study/small_problem.h"

namespace lathe::study {
namespace {

// The trained search of small_problem.h with another table in it.
std::string with(const std::string& table, const std::string& setup = "n_trials = 6\n") {
  return trained_search(setup) + table;
}

std::string one_objective(std::string document) {
  const std::string bitops = "bitops = { scale = 1.0, direction = \"minimize\" }\n";
  return document.erase(document.find(bitops), bitops.size());
}

const trial::ReportEnd kNever = [](const sampler::Report&) { return false; };

TEST(Reports, ComeAfterEveryEpochAndLeaveTheResultAsItIs) {
  SmallProblem plain(with("")), reporting(with("[search.strategy.pruner]\nname = \"none\"\n"));
  const trial::Prepared prepared = reporting.prepare(3);
  const trial::Evaluation without = plain.evaluator.evaluate_trial(plain.prepare(3), plain.stop);
  const trial::Evaluation with_reports = reporting.evaluator.evaluate_trial(prepared, reporting.stop, kNever);
  ASSERT_EQ(with_reports.reports.size(), 2u);
  EXPECT_EQ(with_reports.reports[0].step, 1);
  EXPECT_EQ(with_reports.reports[1].step, 2);
  EXPECT_EQ(with_reports.judged, 1u);
  EXPECT_EQ(with_reports.metrics, without.metrics);
  EXPECT_EQ(*with_reports.state, *without.state);
  EXPECT_EQ(with_reports.reports.back().values, trial::score(reporting.settings, without.metrics).values);
  EXPECT_TRUE(without.reports.empty());
}

TEST(Reports, AreScaledAsTheValuesAre) {
  SmallProblem problem(one_objective(with("[search.strategy.pruner]\nname = \"none\"\n")));
  problem.settings.objectives.front().scale = -3;
  const trial::Evaluation evaluation = problem.evaluator.evaluate_trial(problem.prepare(0), problem.stop, kNever);
  EXPECT_EQ(evaluation.reports.back().values, (std::vector<double>{-3 * evaluation.metrics.at("accuracy")}));
}

TEST(Reports, CountSamples) {
  SmallProblem problem(with("[search.strategy.pruner]\nname = \"none\"\nresource = \"samples\"\ninterval = 500\n"));
  const trial::Evaluation evaluation = problem.evaluator.evaluate_trial(problem.prepare(3), problem.stop, kNever);
  std::vector<std::int64_t> steps;  // 640 rows in batches of 32, two epochs
  for (const sampler::Report& report : evaluation.reports) steps.push_back(report.step);
  EXPECT_EQ(steps, (std::vector<std::int64_t>{512, 1024}));
  EXPECT_EQ(evaluation.judged, 2u);
  SmallProblem plain(with(""));
  EXPECT_EQ(evaluation.metrics, plain.evaluator.evaluate_trial(plain.prepare(3), plain.stop).metrics);
}

TEST(Reports, CountSecondsAndMarkTheStudy) {
  SmallProblem problem(with("[search.strategy.pruner]\nname = \"moasha\"\nresource = \"seconds\"\n"));
  EXPECT_TRUE(problem.settings.depends_on_clock());
  problem.settings.train->settings.max_epochs = 1 << 30;
  const trial::Evaluation evaluation = problem.evaluator.evaluate_trial(
      problem.prepare(3), problem.stop, [](const sampler::Report& report) { return report.step >= 2; });
  EXPECT_TRUE(evaluation.pruned);
  ASSERT_EQ(evaluation.reports.size(), 2u);
  EXPECT_EQ(evaluation.reason, "pruned after 2 s");
  EXPECT_FALSE(SmallProblem(with("[search.strategy.pruner]\nname = \"moasha\"\n")).settings.depends_on_clock());
}

TEST(Reports, EndATrialWhenThePrunerSaysSo) {
  SmallProblem problem(with("[search.strategy.pruner]\nname = \"none\"\n"));
  problem.settings.train->settings.max_epochs = 9;
  const trial::Evaluation evaluation = problem.evaluator.evaluate_trial(
      problem.prepare(3), problem.stop, [](const sampler::Report& report) { return report.step == 3; });
  EXPECT_TRUE(evaluation.pruned);
  EXPECT_FALSE(evaluation.complete);
  EXPECT_FALSE(evaluation.interrupted);
  EXPECT_EQ(evaluation.reports.size(), 3u);
  EXPECT_EQ(evaluation.reason, "pruned after epoch 3");
  EXPECT_EQ(trial::score(problem.settings, evaluation.metrics).values, evaluation.reports.back().values);
  EXPECT_EQ(evaluation.state, nullptr);
}

TEST(Reports, DoNotPruneAtTheEndOfTheTraining) {
  SmallProblem problem(with("[search.strategy.pruner]\nname = \"none\"\n"));
  const trial::Evaluation evaluation = problem.evaluator.evaluate_trial(
      problem.prepare(3), problem.stop, [](const sampler::Report& report) { return report.step == 2; });
  EXPECT_TRUE(evaluation.complete);
  EXPECT_FALSE(evaluation.pruned);
  EXPECT_EQ(evaluation.reports.size(), 2u);
}

TEST(Reports, AreMadeWithMeasuredObjectivesToo) {
  std::string document = with("[search.strategy.pruner]\nname = \"moasha\"\n");
  document.replace(document.find("bitops"), 6, "latency");
  SmallProblem problem(document);
  const trial::Evaluation evaluation = problem.evaluator.evaluate_trial(problem.prepare(3), problem.stop, kNever);
  ASSERT_TRUE(evaluation.complete) << evaluation.reason;
  ASSERT_EQ(evaluation.reports.size(), 2u);
  EXPECT_GT(evaluation.metrics.at("latency"), 0);
  EXPECT_EQ(evaluation.reports[0].values[1], evaluation.metrics.at("latency"));  // measured once
}

// Epochs that a sequence of trials has trained.
std::int64_t epochs(const std::vector<trial::Evaluation>& evaluations) {
  std::int64_t sum = 0;
  for (const trial::Evaluation& evaluation : evaluations)
    sum += evaluation.reports.empty() ? 0 : evaluation.reports.back().step;
  return sum;
}

std::size_t pruned(const std::vector<trial::Evaluation>& evaluations) {
  return static_cast<std::size_t>(std::count_if(evaluations.begin(), evaluations.end(),
                                                [](const trial::Evaluation& evaluation) { return evaluation.pruned; }));
}

// The bundled sample of the simulated jets: widths and bits of the three-layer network.
std::unique_ptr<SmallProblem> jets_search(const std::string& metrics, const std::string& pruner) {
  const std::string document = R"(
model = "jsc-three-linear-layers-logits"
batch_size = 64
[search.search_space]
name = "graph/quantize/channel_size_modifier"
[search.search_space.seed.default.config]
name = ["NA"]
[search.search_space.seed.seq_blocks_2.config]
name = ["output_only"]
channel_multiplier = [0.25, 0.5, 1, 2]
[search.search_space.seed.seq_blocks_4.config]
name = ["both"]
channel_multiplier = [0.25, 0.5, 1, 2]
[search.search_space.seed.seq_blocks_6.config]
name = ["input_only"]
channel_multiplier = [1]
[search.strategy]
eval_mode = false
[search.strategy.sw_runner.basic_train]
max_epochs = 9
learning_rate = 2e-3
optimizer = "adam"
[search.strategy.setup]
n_trials = 16
[search.strategy.metrics]
)" + metrics + "[search.strategy.pruner]\n" +
                               pruner;
  const auto dataset =
      data::load_dataset({.name = "jets", .data_dir = std::string(LATHE_SOURCE_DIR) + "/data", .max_train_rows = 4000});
  const ir::Graph graph =
      model::make_model(config::parse_text(document, "study.toml"), {.input_shape = {16}, .classes = 5});
  return std::make_unique<SmallProblem>(document, dataset, graph);
}

std::vector<std::uint64_t> all_places() {
  std::vector<std::uint64_t> places(16);
  std::iota(places.begin(), places.end(), std::uint64_t{0});
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = places[i] * 7 % 16;  // sizes mixed
  return places;
}

TEST(Pruning, SavesEpochsOnTheJets) {
  const std::string accuracy = "accuracy = { scale = 1.0, direction = \"maximize\" }\n";
  const auto whole = jets_search(accuracy, "name = \"none\"\n");
  const auto halving = jets_search(accuracy, "name = \"asha\"\nmin_resource = 1\nreduction_factor = 3\n");
  const std::vector<trial::Evaluation> all = whole->run(all_places());
  const std::vector<trial::Evaluation> some = halving->run(all_places());
  EXPECT_EQ(epochs(all), 16 * 9);
  EXPECT_LT(epochs(some), 16 * 9 / 2);
  EXPECT_GT(pruned(some), 4u);
  double best = 0, best_of_all = 0, worst_of_all = 1;
  for (const trial::Evaluation& evaluation : some) {
    if (evaluation.complete) best = std::max(best, evaluation.metrics.at("accuracy"));
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    best_of_all = std::max(best_of_all, all[i].metrics.at("accuracy"));
    worst_of_all = std::min(worst_of_all, all[i].metrics.at("accuracy"));
    // What a trial reports does not depend on what others do.
    for (std::size_t k = 0; k < some[i].reports.size(); ++k) {
      EXPECT_EQ(some[i].reports[k].values, all[i].reports[k].values);
    }
  }
  EXPECT_GT(best, (best_of_all + worst_of_all) / 2);
}

TEST(Pruning, RanksSeveralObjectivesOnTheJets) {
  const auto problem = jets_search(
      "accuracy = { scale = 1.0, direction = \"maximize\" }\nmodel_size = { scale = 1.0, direction = \"minimize\" }\n",
      "name = \"moasha\"\nmin_resource = 1\nreduction_factor = 3\n");
  const std::vector<trial::Evaluation> evaluations = problem->run(all_places());
  EXPECT_GT(pruned(evaluations), 3u);
  std::size_t complete = 0;
  for (const trial::Evaluation& evaluation : evaluations) {
    complete += evaluation.complete ? 1 : 0;
    for (const sampler::Report& report : evaluation.reports) {
      ASSERT_EQ(report.values.size(), 2u);
      EXPECT_EQ(report.values[1], evaluation.metrics.at("model_size"));
    }
  }
  EXPECT_GT(complete, 1u);
}

}  // namespace
}  // namespace lathe::study
