#include "lathe/trial/trial_metrics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "study/small_problem.h"

namespace lathe::trial {
namespace {

using study::SmallProblem;
using study::trained_search;

engine::EvaluationResult half_right() {
  engine::EvaluationResult result;
  result.loss_sum = 4;
  result.rows = 4;
  result.correct = 2;
  result.class_rows = {2, 2, 0};
  result.class_correct = {1, 1, 0};
  result.class_predicted = {2, 2, 0};
  return result;
}

std::string search_for(const std::string& metrics) {
  std::string text = trained_search("n_trials = 1\n");
  const std::string known = "bitops = { scale = 1.0, direction = \"minimize\" }";
  return text.replace(text.find(known), known.size(), metrics);
}

TEST(TrialMetrics, AreAllThatIsKnownAnywayAndThoseTheStudyNames) {
  SmallProblem problem(search_for("latency = { scale = 1.0, direction = \"minimize\" }"));
  const TrialMetrics metrics(problem.settings, false);
  EXPECT_TRUE(metrics.measures_latency());
  EXPECT_FALSE(metrics.measures_training());
  const engine::EvaluationResult result = half_right();
  const metric::TrialFacts facts{.graph = &problem.space.base(),
                                 .validation = &result,
                                 .latency_seconds = metric::Measurement{.median = 0.002, .spread = 0.25, .count = 21},
                                 .batch_size = 32};
  Evaluation evaluation;
  EXPECT_EQ(metrics.compute(facts, evaluation), "");
  EXPECT_EQ(evaluation.metrics.at("accuracy"), 0.5);
  EXPECT_EQ(evaluation.metrics.at("parameters"), 4 * 6 + 6 + 6 * 3 + 3);
  EXPECT_EQ(evaluation.metrics.at("latency"), 2);
  EXPECT_EQ(evaluation.spreads, (std::map<std::string, double>{{"latency", 0.25}}));
  EXPECT_FALSE(evaluation.metrics.contains("latency_per_sample"));  // measured, and not asked for
  EXPECT_FALSE(evaluation.metrics.contains("perplexity"));          // of language models alone
  Evaluation of_tokens;
  TrialMetrics(problem.settings, true).compute(facts, of_tokens);
  EXPECT_TRUE(of_tokens.metrics.contains("perplexity"));
}

TEST(TrialMetrics, FetchWeightsOnlyWhereTheStudyNamesAMetricOfThem) {
  const engine::EvaluationResult result = half_right();
  for (const bool named : {false, true}) {
    SmallProblem problem(named ? search_for("weight_sparsity = { scale = 1.0, direction = \"maximize\" }")
                               : trained_search("n_trials = 1\n"));
    int fetched = 0;
    const metric::TrialFacts facts{.graph = &problem.space.base(), .validation = &result, .fetch_weights = [&] {
                                     ++fetched;
                                     return engine::zero_state(problem.space.base());
                                   }};
    Evaluation evaluation;
    EXPECT_EQ(TrialMetrics(problem.settings, false).compute(facts, evaluation), "");
    EXPECT_EQ(fetched, named ? 1 : 0);
    EXPECT_EQ(evaluation.metrics.contains("weight_sparsity"), named);
    if (named) {
      EXPECT_EQ(evaluation.metrics.at("weight_sparsity"), 1);
    }
  }
}

TEST(TrialMetrics, OfWeightsAreOfThoseThatATrialEndsWith) {
  SmallProblem problem(search_for("sparsity = { scale = 1.0, direction = \"maximize\" }") +
                       "repeats = 2\n[search.strategy.constraints]\nsparsity.max = 0.9\n");
  const Prepared prepared = problem.prepare(2);  // two bits: many weights are 0
  const Evaluation first = problem.evaluator.evaluate(prepared, 0, problem.stop);
  ASSERT_TRUE(first.complete) << first.reason;
  const metric::TrialFacts facts{.graph = &prepared.candidate.graph, .fetch_weights = [&] { return *first.state; }};
  const double sparsity = first.metrics.at("weight_sparsity");
  EXPECT_EQ(sparsity, metric::find_metric("sparsity")->compute(facts));
  EXPECT_GT(sparsity, 0.2);
  EXPECT_LT(sparsity, 1);
  const double second = problem.evaluator.evaluate(prepared, 1, problem.stop).metrics.at("weight_sparsity");
  const Evaluation whole = problem.evaluator.evaluate_trial(prepared, problem.stop);
  EXPECT_EQ(whole.metrics.at("weight_sparsity"), (sparsity + second) / 2);
  EXPECT_TRUE(whole.standard_errors.contains("weight_sparsity"));
  EXPECT_EQ(whole.constraints.size(), 1u);
}

TEST(TrialMetrics, MustBeFiniteWhereTheStudyNeedsThem) {
  SmallProblem problem(search_for("loss = { scale = 1.0, direction = \"minimize\" }"));
  engine::EvaluationResult result = half_right();
  result.loss_sum = std::nan("");
  const metric::TrialFacts facts{.graph = &problem.space.base(), .validation = &result};
  Evaluation evaluation;
  EXPECT_EQ(TrialMetrics(problem.settings, false).compute(facts, evaluation), "the metric loss is not finite");
  SmallProblem other(trained_search("n_trials = 1\n"));
  Evaluation not_needed;
  EXPECT_EQ(TrialMetrics(other.settings, false).compute(facts, not_needed), "");
  EXPECT_FALSE(not_needed.metrics.contains("loss"));
}

}  // namespace
}  // namespace lathe::trial
