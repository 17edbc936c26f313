#include "lathe/trial/repeats.h"

#include <gtest/gtest.h>

#include <cmath>

#include "study/small_problem.h"

namespace lathe::study {
namespace {

TEST(Repeats, GiveTheMeansOfTheirSeeds) {
  SmallProblem problem(trained_search("n_trials = 6\nrepeats = 3\n"));
  EXPECT_EQ(problem.settings.repeats, 3);
  const trial::Prepared prepared = problem.prepare(3);
  const trial::Evaluation whole = problem.evaluator.evaluate_trial(prepared, problem.stop);
  ASSERT_TRUE(whole.complete) << whole.reason;
  ASSERT_EQ(whole.repeats.size(), 3u);
  double sum = 0, squares = 0;
  for (std::uint64_t repeat = 0; repeat < 3; ++repeat) {
    const trial::Evaluation one = problem.evaluator.evaluate(prepared, repeat, problem.stop);
    EXPECT_EQ(one.metrics, whole.repeats[repeat]);
    EXPECT_TRUE(one.repeats.empty());
    sum += one.metrics.at("accuracy");
  }
  const double mean = sum / 3;
  for (const auto& metrics : whole.repeats) squares += std::pow(metrics.at("accuracy") - mean, 2);
  EXPECT_DOUBLE_EQ(whole.metrics.at("accuracy"), mean);
  EXPECT_DOUBLE_EQ(whole.standard_errors.at("accuracy"), std::sqrt(squares / 2 / 3));
  EXPECT_GT(whole.standard_errors.at("accuracy"), 0);
  EXPECT_FALSE(whole.standard_errors.contains("bitops"));
  EXPECT_EQ(whole.metrics.at("bitops"), whole.repeats[1].at("bitops"));
}

TEST(Repeats, OfOneSeedAreThatSeed) {
  SmallProblem one(trained_search("n_trials = 6\n")), three(trained_search("n_trials = 6\nrepeats = 3\n"));
  const trial::Evaluation evaluation = one.evaluator.evaluate_trial(one.prepare(3), one.stop);
  EXPECT_TRUE(evaluation.repeats.empty());
  EXPECT_TRUE(evaluation.standard_errors.empty());
  // More repeats do not change the seeds, nor the candidate's key.
  EXPECT_EQ(one.prepare(3).key, three.prepare(3).key);
  EXPECT_EQ(evaluation.metrics, three.evaluator.evaluate(three.prepare(3), 0, three.stop).metrics);
}

TEST(Repeats, ReportTheFirstSeedAlone) {
  SmallProblem problem(trained_search("n_trials = 6\nrepeats = 2\n[search.strategy.pruner]\nname = \"none\"\n"));
  int reports = 0;
  const trial::Evaluation whole =
      problem.evaluator.evaluate_trial(problem.prepare(3), problem.stop, [&](const sampler::Report&) {
        ++reports;
        return false;
      });
  EXPECT_EQ(reports, 2);
  EXPECT_EQ(whole.reports.size(), 2u);
  EXPECT_EQ(whole.repeats.size(), 2u);
  const trial::Evaluation pruned =
      problem.evaluator.evaluate_trial(problem.prepare(3), problem.stop, [](const sampler::Report&) { return true; });
  EXPECT_TRUE(pruned.pruned);
  EXPECT_TRUE(pruned.repeats.empty());
}

TEST(Repeats, FailWithTheSeedThatFails) {
  SmallProblem problem(trained_search("n_trials = 6\nrepeats = 2\n"));
  problem.settings.train->settings.learning_rate = 1e38;
  problem.settings.train->settings.optimizer.name = "sgd";
  const trial::Evaluation evaluation = problem.evaluator.evaluate_trial(problem.prepare(3), problem.stop);
  EXPECT_FALSE(evaluation.complete);
  EXPECT_NE(evaluation.reason.find("diverged"), std::string::npos) << evaluation.reason;
  EXPECT_TRUE(evaluation.metrics.empty());
}

TEST(Repeats, AreSummarisedByHand) {
  const std::vector<std::map<std::string, double>> repeats{{{"accuracy", 0.5}, {"flops", 7}},
                                                           {{"accuracy", 0.7}, {"flops", 7}}};
  const trial::RepeatSummary summary = trial::summarise_repeats(repeats);
  EXPECT_DOUBLE_EQ(summary.means.at("accuracy"), 0.6);
  EXPECT_NEAR(summary.standard_errors.at("accuracy"), 0.1, 1e-15);
  EXPECT_EQ(summary.means.at("flops"), 7);
  EXPECT_TRUE(trial::summarise_repeats(std::span(repeats).first(1)).standard_errors.empty());
}

}  // namespace
}  // namespace lathe::study
