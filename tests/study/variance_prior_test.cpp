#include "lathe/study/exhaustive/variance_prior.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "lathe/base/random.h"

namespace lathe::study {
namespace {

// Draws the sum of squared deviations of `degrees` + 1 normal numbers.
double draw_squares(RandomStream& stream, double variance, int degrees) {
  double squares = 0;
  for (int i = 0; i < degrees; ++i) {
    const double value = stream.normal();
    squares += variance * value * value;
  }
  return squares;
}

TEST(GammaDerivatives, EqualKnownValues) {
  EXPECT_NEAR(digamma(1), -0.57721566490153286, 1e-10);
  EXPECT_NEAR(digamma(0.5), -1.9635100260214235, 1e-10);
  EXPECT_NEAR(digamma(25), 3.1987425128519665, 1e-10);
  EXPECT_NEAR(trigamma(1), 1.6449340668482264, 1e-10);
  EXPECT_NEAR(trigamma(0.5), 4.9348022005446793, 1e-10);
}

TEST(VariancePrior, FindsOneVarianceOfAll) {
  RandomStream stream(1, {}, "variance_prior_test");
  std::vector<double> squares, degrees;
  for (int i = 0; i < 2000; ++i) {
    degrees.push_back(1 + i % 3);
    squares.push_back(draw_squares(stream, 0.04, 1 + i % 3));
  }
  const VariancePrior prior = fit_variance_prior(squares, degrees);
  EXPECT_NEAR(prior.variance, 0.04, 0.004);
  EXPECT_EQ(prior.degrees, 4);
}

TEST(VariancePrior, FindsTheUsualVarianceAmongWildOnes) {
  RandomStream stream(2, {}, "variance_prior_test");
  std::vector<double> squares, degrees;
  for (int i = 0; i < 1000; ++i) {
    degrees.push_back(2);
    squares.push_back(draw_squares(stream, i % 20 == 0 ? 1e-2 : 1e-6, 2));  // one of twenty collapses
  }
  const VariancePrior prior = fit_variance_prior(squares, degrees);
  EXPECT_GT(prior.variance, 0.3e-6);
  EXPECT_LT(prior.variance, 3e-6);
  EXPECT_GE(prior.degrees, 1);
  EXPECT_LT(prior.degrees, 2);  // it says little of any one
}

TEST(VariancePrior, PoolsFewSamplesAndThoseWithoutNoise) {
  const VariancePrior few = fit_variance_prior({2, 4, 0}, {1, 2, 0});
  EXPECT_DOUBLE_EQ(few.variance, 2);
  EXPECT_EQ(few.degrees, 3);
  const VariancePrior exact = fit_variance_prior(std::vector<double>(20, 0.0), std::vector<double>(20, 1.0));
  EXPECT_EQ(exact.variance, 0);
  EXPECT_EQ(exact.degrees, 4);
  EXPECT_EQ(fit_variance_prior({}, {}).degrees, 0);
}

TEST(VariancePrior, DoesNotDependOnTheOrder) {
  RandomStream stream(3, {}, "variance_prior_test");
  std::vector<double> squares, degrees(50, 2.0);
  for (int i = 0; i < 50; ++i) squares.push_back(draw_squares(stream, 1.0 + i, 2));
  const VariancePrior one = fit_variance_prior(squares, degrees);
  std::reverse(squares.begin(), squares.end());
  EXPECT_EQ(fit_variance_prior(squares, degrees).variance, one.variance);
}

}  // namespace
}  // namespace lathe::study
