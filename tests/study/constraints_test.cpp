#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "lathe/study/record.h"
#include "lathe/trial/constraint.h"
#include "study/small_problem.h"

namespace lathe::study {
namespace {

recipe::Constraint bounded(std::optional<double> min, std::optional<double> max) {
  return {.name = "model_size", .kind = metric::find_metric("model_size"), .min = min, .max = max};
}

std::unique_ptr<SmallProblem> with(const std::string& constraints) {
  return std::make_unique<SmallProblem>(trained_search("n_trials = 6\n[search.strategy.constraints]\n" + constraints));
}

TEST(Constraints, AreViolatedRelativelyToTheirBounds) {
  EXPECT_DOUBLE_EQ(trial::violation(bounded({}, 4000), 5000), 0.25);
  EXPECT_DOUBLE_EQ(trial::violation(bounded({}, 4000), 3000), -0.25);
  EXPECT_DOUBLE_EQ(trial::violation(bounded(4000, {}), 3000), 0.25);
  EXPECT_DOUBLE_EQ(trial::violation(bounded(0, {}), -3), 3);
  EXPECT_DOUBLE_EQ(trial::violation(bounded({}, -2), -1), 0.5);
  EXPECT_DOUBLE_EQ(trial::violation(bounded(10, 20), 15), -0.25);
  EXPECT_DOUBLE_EQ(trial::violation(bounded(10, 20), 20), 0);
  EXPECT_EQ(trial::violation(bounded({}, 20), std::numeric_limits<double>::quiet_NaN()),
            std::numeric_limits<double>::infinity());
}

TEST(Constraints, AreStoredWithoutLosingTheInfinite) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Trial trial;
  trial.constraints = {kInfinity, -0.5, -kInfinity};
  const storage::Trial stored = storage_trial(trial);
  EXPECT_EQ(read_constraints(stored), (std::vector<double>{kInfinity, -0.5, -kInfinity}));
  const storage::Trial python{.system_attributes = {{"constraints", "[Infinity, -1.5, NaN, null, -Infinity]"}}};
  EXPECT_EQ(read_constraints(python), (std::vector<double>{kInfinity, -1.5, kInfinity, kInfinity, -kInfinity}));
}

TEST(Constraints, AreReadFromTheFile) {
  const auto problem = with(
      "model_size.max = 4096\nacc.min = 0.6\n"
      "work = { expr = \"flops * average_bitwidth\", min = 1, max = 1e6 }\n");
  ASSERT_EQ(problem->settings.constraints.size(), 3u);
  EXPECT_EQ(problem->settings.constraints[0].max, 4096);
  EXPECT_FALSE(problem->settings.constraints[0].min);
  EXPECT_EQ(problem->settings.constraints[1].name, "accuracy");
  EXPECT_TRUE(trial::needs_analysis_only(problem->settings.constraints[0]));
  EXPECT_FALSE(trial::needs_analysis_only(problem->settings.constraints[1]));
  EXPECT_TRUE(trial::needs_analysis_only(problem->settings.constraints[2]));
  const auto kinds = recipe::metrics_needed(problem->settings);
  EXPECT_TRUE(std::any_of(kinds.begin(), kinds.end(), [](const auto* kind) { return kind->name == "flops"; }));
}

TEST(Constraints, OnTheNetworkKeepACandidateFromBeingTrained) {
  const auto problem = with("model_size.max = 40\naccuracy.min = 0.1\n");
  std::vector<double> sizes;
  for (std::uint64_t place = 0; place < 6; ++place) {
    sizes.push_back(
        trial::analysis_metrics(problem->settings, problem->prepare(place).candidate.graph).at("model_size"));
  }
  std::sort(sizes.begin(), sizes.end());
  const double bound = sizes[2];
  problem->settings.constraints.front().max = bound;
  std::size_t out = 0;
  for (std::uint64_t place = 0; place < 6; ++place) {
    bool reported = false;
    const trial::Evaluation evaluation = problem->evaluator.evaluate_trial(
        problem->prepare(place), problem->stop, [&](const sampler::Report&) { return reported = true; });
    ASSERT_EQ(evaluation.constraints.size(), 2u);
    if (!evaluation.ruled_out) {
      EXPECT_TRUE(evaluation.complete);
      EXPECT_LE(evaluation.constraints[0], 0);
      EXPECT_LT(evaluation.constraints[1], 0);
      continue;
    }
    ++out;
    EXPECT_FALSE(evaluation.complete);
    EXPECT_FALSE(reported);
    EXPECT_GT(evaluation.constraints[0], 0);
    EXPECT_EQ(evaluation.constraints[1], 0);  // not known
    EXPECT_FALSE(evaluation.metrics.contains("accuracy"));
    EXPECT_DOUBLE_EQ(evaluation.constraints[0], (evaluation.metrics.at("model_size") - bound) / bound);
    EXPECT_EQ(evaluation.reason.find("ruled out: model_size is "), 0u) << evaluation.reason;
    EXPECT_NE(evaluation.reason.find(", above its max of "), std::string::npos) << evaluation.reason;
  }
  EXPECT_EQ(out, 3u);
}

TEST(Constraints, OnResultsAreComputedAfterTraining) {
  const auto problem = with("accuracy.min = 0.999\n");
  const trial::Evaluation evaluation = problem->evaluator.evaluate_trial(problem->prepare(0), problem->stop);
  EXPECT_TRUE(evaluation.complete);
  EXPECT_FALSE(evaluation.ruled_out);
  ASSERT_EQ(evaluation.constraints.size(), 1u);
  EXPECT_DOUBLE_EQ(evaluation.constraints[0], (0.999 - evaluation.metrics.at("accuracy")) / 0.999);
}

std::string feasibility_error(const std::string& constraints) {
  const auto problem = with(constraints);
  try {
    trial::require_feasible_candidate(problem->settings, problem->space);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Constraints, ThatNoCandidateMeetsAreFoundBeforeTheSearch) {
  EXPECT_EQ(feasibility_error("model_size.max = 1e6\naccuracy.min = 0.999\n"), "no error");
  EXPECT_NE(feasibility_error("model_size.max = 4\n").find("search.strategy.constraints.model_size: no candidate"),
            std::string::npos)
      << feasibility_error("model_size.max = 4\n");
  EXPECT_EQ(feasibility_error("model_size.max = 4\n").find("study.toml:"), 0u);
  EXPECT_NE(feasibility_error("model_size.max = 40\nflops.min = 70\n").find("no candidate of the space"),
            std::string::npos)
      << feasibility_error("model_size.max = 40\nflops.min = 70\n");
}

}  // namespace
}  // namespace lathe::study
