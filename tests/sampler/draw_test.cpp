#include "lathe/sampler/draw.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "lathe/sampler/free_points.h"
#include "lathe/sampler/mutation.h"

namespace lathe::sampler {
namespace {

const std::vector<parameter::Distribution>& finite_distributions() {
  static const std::vector<parameter::Distribution> list{
      parameter::Categorical{{std::int64_t{4}, std::int64_t{2}, std::string("x")}},
      parameter::Integer{.low = -3, .high = 12, .step = 5}, parameter::Integer{.low = 1, .high = 40, .log = true},
      parameter::Float{.low = 0, .high = 0.7, .step = 0.1}, parameter::Integer{.low = 5, .high = 5}};
  return list;
}

TEST(CodeAt, IsTheInverseOfUnitOf) {
  for (const auto& distribution : finite_distributions()) {
    for (std::int64_t code = 0; code < *parameter::size(distribution); ++code) {
      EXPECT_EQ(code_at(distribution, unit_of(distribution, static_cast<double>(code))), static_cast<double>(code));
    }
    EXPECT_EQ(code_at(distribution, 0), 0);
    EXPECT_EQ(code_at(distribution, 1), static_cast<double>(*parameter::size(distribution) - 1));
  }
}

TEST(CodeAt, SpreadsContinuousRangesEvenly) {
  EXPECT_DOUBLE_EQ(code_at(parameter::Float{.low = 1e-4, .high = 1, .log = true}, 0.5), 1e-2);
  EXPECT_DOUBLE_EQ(unit_of(parameter::Float{.low = 1e-4, .high = 1, .log = true}, 1e-3), 0.25);
  EXPECT_LT(code_at(parameter::Float{.low = 0, .high = 3}, 1), 3);
  EXPECT_EQ(code_at(parameter::Float{.low = 2, .high = 2}, 0.5), 2);
}

TEST(CodeAt, GivesLogarithmicIntegersTheirShares) {
  const parameter::Integer range{.low = 1, .high = 4, .log = true};
  std::vector<int> counts(4, 0);
  constexpr int kPoints = 90000;
  for (int i = 0; i < kPoints; ++i) ++counts[static_cast<std::size_t>(code_at(range, (i + 0.5) / kPoints))];
  for (int k = 0; k < 4; ++k) {
    EXPECT_NEAR(counts[static_cast<std::size_t>(k)], kPoints * std::log((k + 1.5) / (k + 0.5)) / std::log(9.0), 2) << k;
  }
}

TEST(Mutation, DrawsOtherValuesAllAlike) {
  RandomStream stream(1, {}, "test");
  std::vector<int> counts(5, 0);
  const parameter::Categorical list{{false, true, std::int64_t{5}, std::string("a"), std::string("b")}};
  for (int i = 0; i < 4000; ++i) ++counts[static_cast<std::size_t>(other_value(list, 2, stream))];
  EXPECT_EQ(counts[2], 0);
  for (const std::size_t k : {0u, 1u, 3u, 4u}) EXPECT_NEAR(counts[k], 1000, 120);
  EXPECT_EQ(other_value(parameter::Integer{7, 7}, 0, stream), 0);
}

TEST(Mutation, StepsToNeighboursMostly) {
  RandomStream stream(1, {}, "test");
  const parameter::Integer range{0, 9};
  std::vector<int> counts(10, 0);
  for (int i = 0; i < 4000; ++i) ++counts[static_cast<std::size_t>(nearby_value(range, 4, stream))];
  EXPECT_EQ(counts[4], 0);
  EXPECT_NEAR(counts[3], 1000, 120);
  EXPECT_NEAR(counts[5], 1000, 120);
  EXPECT_NEAR(counts[2], 500, 90);
  for (int i = 0; i < 200; ++i) {
    const double edge = nearby_value(range, 0, stream);
    EXPECT_TRUE(edge >= 1 && edge <= 9);
    const double place = nearby_value(parameter::Float{.low = 0, .high = 1}, 0.02, stream);
    EXPECT_TRUE(place >= 0 && place < 1);
    const double polynomial = polynomial_value(range, 9, 20, stream);
    EXPECT_TRUE(polynomial >= 5 && polynomial <= 9);
  }
}

TEST(Mutation, KnowsWhichParametersAreOrdered) {
  EXPECT_TRUE(is_ordered(parameter::Integer{0, 3}));
  EXPECT_TRUE(is_ordered(parameter::Categorical{{std::int64_t{2}, 2.5, std::int64_t{8}}}));
  EXPECT_FALSE(is_ordered(parameter::Categorical{{std::int64_t{2}, std::int64_t{8}, std::int64_t{4}}}));
  EXPECT_FALSE(is_ordered(parameter::Categorical{{std::int64_t{2}, std::string("a")}}));
}

TEST(FreePoints, FindsTheLastOneOfALargeSpace) {
  const parameter::Space space = parameter::Space::categorical({50, 50});
  FreePoints free(space, true, 3, "test");
  for (std::uint64_t place = 0; place < 2500; ++place) {
    if (place != 1234) free.take(space.decode(place));
  }
  RandomStream stream(1, {}, "test");
  EXPECT_FALSE(free.exhausted());
  EXPECT_EQ(space.encode(free.draw(stream)), 1234u);
  free.take(space.decode(1234));
  EXPECT_TRUE(free.exhausted());
}

}  // namespace
}  // namespace lathe::sampler
