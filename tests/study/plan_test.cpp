#include "lathe/study/exhaustive/plan.h"

#include <gtest/gtest.h>

#include "study/fixture.h"

namespace lathe::study {
namespace {

std::string exhaustive(const std::string& table) {
  return trained_search("n_jobs = 2\n[search.strategy.exhaustive]\n" + table);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

TEST(SearchPlan, CountsEveryPointOfASmallSpace) {
  Fixture fixture(exhaustive("stop = \"none\"\nseeds = 3\n"));
  const SearchPlan plan = make_plan(fixture.settings, fixture.space, fixture.evaluator, fixture.stop);
  EXPECT_EQ(plan.count.points, 6);
  EXPECT_EQ(plan.count.looked_at, 6);
  EXPECT_EQ(plan.count.distinct, 6);
  EXPECT_EQ(plan.count.repeated, 0);
  EXPECT_FALSE(plan.count.estimated);
  EXPECT_EQ(plan.seeds, 3);
  EXPECT_EQ(plan.threads, 2);
  EXPECT_EQ(plan.timed, 6);
  EXPECT_GT(plan.least_seconds, 0);
  // The mean of six equal times may be off them by its rounding.
  const double rounding = 1e-12 * plan.mean_seconds;
  EXPECT_LE(plan.least_seconds, plan.mean_seconds + rounding);
  EXPECT_LE(plan.mean_seconds, plan.largest_seconds + rounding);
  EXPECT_DOUBLE_EQ(plan.all_seeds_seconds, 3 * plan.all_seconds);
  EXPECT_NEAR(plan.all_seconds, 6 * plan.mean_seconds / 2, 1e-9);
}

TEST(SearchPlan, RecognisesEqualImpossibleAndRuledOutCandidates) {
  // 6 channels times 0.5 and 0.45 are 3 both; 0.01 leaves none.
  const std::string document =
      replaced(exhaustive("stop = \"none\"\nseeds = 1\n"), "[0.5, 1, 2]", "[0.01, 0.45, 0.5, 1, 2]") +
      "[search.strategy.constraints]\nmodel_size.max = 90\n";
  Fixture fixture(document);
  const SearchPlan plan = make_plan(fixture.settings, fixture.space, fixture.evaluator, fixture.stop);
  EXPECT_EQ(plan.count.points, 10);
  EXPECT_EQ(plan.count.impossible + plan.count.repeated + plan.count.ruled_out + plan.count.distinct, 10);
  EXPECT_EQ(plan.count.repeated, 2);
  EXPECT_GT(plan.count.ruled_out, 0);
}

TEST(SearchPlan, JudgesALargeSpaceByASample) {
  // The 2 million learning rates of a step times 6 networks; no two are equal.
  const std::string document = exhaustive("stop = \"none\"\nseeds = 1\n") +
                               "[search.search_space.training]\n"
                               "weight_decay = { low = 0.0, high = 2.0, step = 1e-6 }\n";
  Fixture fixture(document);
  const SearchPlan plan = make_plan(fixture.settings, fixture.space, fixture.evaluator, fixture.stop);
  EXPECT_GT(plan.count.points, 10'000'000);
  EXPECT_LT(plan.count.looked_at, 100'000);
  EXPECT_TRUE(plan.count.estimated);
  EXPECT_EQ(plan.count.distinct, plan.count.points);
  EXPECT_GT(plan.all_seconds, 20);  // 12 million trainings
}

TEST(SearchPlan, EstimatesDistinctCandidatesFromEqualPairs) {
  EXPECT_DOUBLE_EQ(estimated_distinct(1000, 100, 0), 1000);
  // Classes of 10 of 1000 points: a pair is equal with probability 9 / 999.
  EXPECT_NEAR(estimated_distinct(1000, 1000, 1000 * 9 / 2), 100, 1e-9);
  EXPECT_DOUBLE_EQ(estimated_distinct(1, 1, 0), 1);
}

TEST(SearchPlan, FitsALineThatIsNeverNegative) {
  const Line line = fit_line({1, 2, 4}, {3, 5, 9});
  EXPECT_NEAR(line.constant, 1, 1e-9);
  EXPECT_NEAR(line.slope, 2, 1e-9);
  EXPECT_NEAR(fit_line({1, 2}, {2, 1}).slope, 0, 1e-12);
  const Line steep = fit_line({1, 2}, {1, 3});
  EXPECT_EQ(steep.constant, 0);
  EXPECT_GT(steep.slope, 0);
  EXPECT_NEAR(fit_line({5, 5, 5}, {2, 2, 2}).at(7), 2, 1e-9);
  EXPECT_EQ(fit_line({}, {}).at(3), 0);
}

}  // namespace
}  // namespace lathe::study
