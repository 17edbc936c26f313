#include "lathe/sampler/domination.h"

#include <gtest/gtest.h>

#include <limits>

#include "lathe/base/random.h"

namespace lathe::sampler {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Ranks by the definition: peels off the points that nothing left dominates.
std::vector<std::size_t> peeled_ranks(const std::vector<Losses>& points) {
  std::vector<std::size_t> ranks(points.size(), points.size());
  for (std::size_t rank = 0, left = points.size(); left > 0; ++rank) {
    std::vector<std::size_t> front;
    for (std::size_t i = 0; i < points.size(); ++i) {
      bool free = ranks[i] == points.size();
      for (std::size_t j = 0; j < points.size() && free; ++j) {
        free = !(ranks[j] == points.size() && dominates(points[j], points[i]));
      }
      if (free) front.push_back(i);
    }
    for (const std::size_t i : front) ranks[i] = rank;
    left -= front.size();
  }
  return ranks;
}

class Ranks : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(Objectives, Ranks, testing::Values(1, 2, 3, 5));

TEST_P(Ranks, AreThoseOfTheDefinition) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    RandomStream stream(seed, {GetParam()}, "test");
    std::vector<Losses> points(60, Losses(GetParam()));
    for (Losses& point : points) {
      for (double& loss : point) loss = static_cast<double>(stream.below(6));  // many ties and duplicates
    }
    points[7][0] = kInfinity;
    points[8][0] = -kInfinity;
    EXPECT_EQ(non_dominated_ranks(points), peeled_ranks(points)) << seed;
  }
}

TEST(ConstrainedRanks, PutFeasiblePointsFirst) {
  const std::vector<ConstrainedPoint> points{{{5, 5}, 0}, {{}, 2},     {{1, 1}, 0.5},
                                             {{4, 6}, 0}, {{9, 9}, 0}, {{0, 0}, 2}};
  EXPECT_EQ(constrained_ranks(points), (std::vector<std::size_t>{0, 3, 2, 0, 1, 3}));
  EXPECT_TRUE(constrained_dominates(points[4], points[2]));
  EXPECT_TRUE(constrained_dominates(points[2], points[1]));
  EXPECT_FALSE(constrained_dominates(points[1], points[5]));
  EXPECT_FALSE(constrained_dominates(points[0], points[3]));
  EXPECT_TRUE(constrained_ranks({}).empty());
}

TEST(CrowdingDistances, AreGapsOverRanges) {
  EXPECT_EQ(crowding_distances({{0, 4}, {1, 2}, {4, 0}, {2, 1}}),
            (std::vector<double>{kInfinity, 1.25, kInfinity, 1.25}));
  EXPECT_EQ(crowding_distances({{1, 3}, {1, 3}}), (std::vector<double>{0, 0}));  // no objective counts
  const auto with_infinity = crowding_distances({{0, kInfinity}, {1, 1}, {2, 0}});
  EXPECT_EQ(with_infinity[1], kInfinity);
  EXPECT_TRUE(crowding_distances({}).empty());
}

}  // namespace
}  // namespace lathe::sampler
