#include "lathe/study/exhaustive/front_probability.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lathe/base/random.h"
#include "lathe/config/value.h"
#include "study/small_problem.h"

namespace lathe::study {
namespace {

const std::vector<Direction> kAccuracyAndCost{Direction::kMaximize, Direction::kMinimize};

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

TEST(FrontProbability, IsThatOfOneComparison) {
  // The dearer one is on the front where its accuracy is truly higher; the cheaper one always is.
  const std::vector<UncertainPoint> points{{{0.70, 10}, {0.01, 0}, 1}, {{0.71, 20}, {0.02, 0}, 2}};
  const std::vector<double> probabilities = front_probabilities(points, kAccuracyAndCost, 0);
  EXPECT_EQ(probabilities[0], 1);
  EXPECT_NEAR(probabilities[1], normal_cdf(0.01 / std::hypot(0.01, 0.02)), 0.015);
}

TEST(FrontProbability, OfOneObjectiveAddsUpToOne) {
  const std::vector<UncertainPoint> points{
      {{0.70}, {0.01}, 1}, {{0.70}, {0.01}, 2}, {{0.70}, {0.01}, 3}, {{0.2}, {0.01}, 4}};
  const std::vector<double> probabilities = front_probabilities(points, {Direction::kMaximize}, 7);
  for (int i = 0; i < 3; ++i) EXPECT_NEAR(probabilities[static_cast<std::size_t>(i)], 1.0 / 3, 0.02);
  EXPECT_NEAR(probabilities[0] + probabilities[1] + probabilities[2], 1, 1e-12);
  EXPECT_EQ(probabilities[3], 0);
}

TEST(FrontProbability, CountsOnlyWhatMeetsTheConstraints) {
  // The better one breaks its bound by a standard error; where it does the other is the best.
  const std::vector<UncertainPoint> points{{{0.80, 0.01}, {0, 0.01}, 1}, {{0.70, -1}, {0, 0}, 2}};
  const std::vector<double> probabilities = front_probabilities(points, {Direction::kMaximize}, 3);
  EXPECT_NEAR(probabilities[0], normal_cdf(-1), 0.015);
  EXPECT_NEAR(probabilities[0] + probabilities[1], 1, 1e-12);
  const std::vector<UncertainPoint> hopeless{{{0.80, 0.1}, {0, 0.01}, 1}, {{0.70, 0.01}, {0.01, 0}, 2}};
  EXPECT_EQ(front_probabilities(hopeless, {Direction::kMaximize}, 3), (std::vector<double>{0, 0}));
}

TEST(FrontProbability, DrawsAMetricOnceForItsObjectiveAndItsBound) {
  // Accuracy must be 0.75 at least: the first is the best where it is above the second's 0.755, and then meets it.
  const auto violation = [](double accuracy) { return (0.75 - accuracy) / 0.75; };
  const std::vector<UncertainPoint> points{{{0.76, violation(0.76)}, {0.02, 0.02 / 0.75}, 1},
                                           {{0.755, violation(0.755)}, {0, 0}, 2}};
  const TiedViolations tied{TiedViolation{.objective = 0, .slope = -1 / 0.75}};
  const double best = front_probabilities(points, {Direction::kMaximize}, 5, 10000, {}, tied)[0];
  EXPECT_NEAR(best, normal_cdf(0.25), 0.015);
  const double apart = front_probabilities(points, {Direction::kMaximize}, 5)[0];
  EXPECT_NEAR(apart, normal_cdf(0.25) * normal_cdf(0.5), 0.015);
}

TEST(FrontProbability, IsCertainWithoutErrors) {
  const double unknown = std::nan("");
  const std::vector<UncertainPoint> points{
      {{0.7, 10}, {0, 0}, 1}, {{0.7, 10}, {unknown, 0}, 2}, {{0.7, 11}, {0, 0}, 3}, {{0.8, 11}, {0, 0}, 4}};
  EXPECT_EQ(front_probabilities(points, kAccuracyAndCost, 0, 10), (std::vector<double>{1, 1, 0, 1}));
}

TEST(FrontProbability, DoesNotDependOnTheOrderOrOnWhatIsSurelyBeaten) {
  std::vector<UncertainPoint> points;
  RandomStream stream(1, {1}, "points");
  for (std::uint64_t i = 0; i < 40; ++i) {
    points.push_back({{0.6 + 0.2 * stream.uniform(), std::floor(20 * stream.uniform())}, {0.02, 0}, i});
  }
  const std::vector<double> probabilities = front_probabilities(points, kAccuracyAndCost, 3, 1000);
  std::vector<UncertainPoint> reversed(points.rbegin(), points.rend());
  reversed.push_back({{0.1, 30}, {0.02, 0}, 99});
  std::vector<double> again = front_probabilities(reversed, kAccuracyAndCost, 3, 1000);
  EXPECT_EQ(again.back(), 0);
  again.pop_back();
  EXPECT_EQ(probabilities, std::vector<double>(again.rbegin(), again.rend()));
}

TEST(FrontProbability, AgreesWithTheGeneralFrontForThreeObjectives) {
  // A third objective that is the same for all changes nothing.
  std::vector<UncertainPoint> two, three;
  RandomStream stream(2, {1}, "points");
  for (std::uint64_t i = 0; i < 20; ++i) {
    two.push_back({{0.6 + 0.1 * stream.uniform(), std::floor(5 * stream.uniform())}, {0.02, 0}, i});
    three.push_back({{two.back().means[0], two.back().means[1], 1}, {0.02, 0, 0}, i});
  }
  EXPECT_EQ(front_probabilities(two, kAccuracyAndCost, 3, 500),
            front_probabilities(three, {Direction::kMaximize, Direction::kMinimize, Direction::kMinimize}, 3, 500));
}

TEST(SamplingErrors, AreBinomialForAccuracy) {
  const SmallProblem problem(trained_search("n_trials = 1\n"));
  const std::vector<double> errors = sampling_errors(problem.settings, {{"accuracy", 0.75}, {"bitops", 100}}, 300);
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_NEAR(errors[0], std::sqrt(0.75 * 0.25 / 300), 1e-9);
  EXPECT_EQ(errors[1], 0);
}

TEST(SamplingErrors, FollowFormulasAndAreUnknownForTheLoss) {
  std::string document = trained_search("n_trials = 1\n");
  const std::string metric = "accuracy = { scale = 1.0, direction = \"maximize\" }";
  document.replace(document.find(metric), metric.size(),
                   "error = { scale = 2.0, direction = \"minimize\", expr = \"100 * (1 - accuracy)\" }\n"
                   "loss = { scale = 1.0, direction = \"minimize\" }");
  const SmallProblem problem(document);
  const std::vector<double> errors =
      sampling_errors(problem.settings, {{"accuracy", 0.5}, {"bitops", 100}, {"loss", 1}}, 100);
  ASSERT_EQ(errors.size(), 3u);  // bitops, error, loss
  EXPECT_EQ(errors[0], 0);
  EXPECT_NEAR(errors[1], 200 * 0.05, 1e-6);
  EXPECT_TRUE(std::isnan(errors[2]));
}

TEST(SamplingErrors, OfMetricsOfTheWeightsAreNone) {
  std::string document = trained_search("n_trials = 1\n");
  const std::string metric = "bitops = { scale = 1.0, direction = \"minimize\" }";
  document.replace(document.find(metric), metric.size(), "weight_sparsity = { scale = 1.0, direction = \"maximize\" }");
  const SmallProblem problem(document);
  const std::vector<double> errors =
      sampling_errors(problem.settings, {{"accuracy", 0.5}, {"weight_sparsity", 0.25}}, 100);
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_NEAR(errors[0], 0.05, 1e-9);
  EXPECT_EQ(errors[1], 0);
}

TEST(JointError, LeavesOutWhatIsNotKnown) {
  EXPECT_EQ(joint_error(3, 4), 5);
  EXPECT_EQ(joint_error(std::nan(""), 4), 4);
  EXPECT_EQ(joint_error(3, std::nan("")), 3);
  EXPECT_TRUE(std::isnan(joint_error(std::nan(""), std::nan(""))));
}

}  // namespace
}  // namespace lathe::study
