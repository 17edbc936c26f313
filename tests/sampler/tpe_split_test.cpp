#include "lathe/sampler/tpe_split.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "lathe/base/random.h"
#include "sampler/golden.h"

namespace lathe::sampler {
namespace {

TpeSplit split_of(const std::vector<FinishedTrial>& trials, std::vector<Direction> directions,
                  bool revision_3_1 = false) {
  TpeSplit split(std::move(directions), revision_3_1);
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (split.counts(trials[i])) split.add(static_cast<std::uint32_t>(i), trials[i]);
  }
  return split;
}

std::vector<std::uint32_t> good_of(const std::vector<FinishedTrial>& trials, std::vector<Direction> directions,
                                   std::size_t count, bool revision_3_1 = false) {
  return split_of(trials, std::move(directions), revision_3_1).good(count);
}

FinishedTrial complete(std::vector<double> values, std::vector<double> constraints = {}) {
  return {.assignment = {},
          .state = TrialState::kComplete,
          .values = std::move(values),
          .constraints = std::move(constraints)};
}

FinishedTrial pruned(std::vector<Report> reports) {
  return {.assignment = {}, .state = TrialState::kPruned, .reports = std::move(reports)};
}

TEST(TpeSplit, SeveralObjectivesEqualOptunas) {
  for (const golden::Split& golden : golden::kSplits) {
    std::vector<FinishedTrial> trials;
    for (const auto& values : golden.values) trials.push_back(complete(values));
    std::vector<Direction> directions(golden.values.front().size(), Direction::kMinimize);
    directions.back() = Direction::kMaximize;
    const std::vector<std::uint32_t> expected(golden.below.begin(), golden.below.end());
    EXPECT_EQ(good_of(trials, directions, golden.below_count), expected);
  }
}

TEST(TpeSplit, PrunedAndInfeasibleTrialsEqualOptunas) {
  std::ifstream file(std::string(LATHE_SOURCE_DIR) + "/tests/golden/tpe_cases.json");
  int cases = 0;
  for (const auto& entry : nlohmann::json::parse(file)) {
    if (entry["kind"] != "split_one") continue;
    std::vector<FinishedTrial> trials;
    for (const auto& from : entry["trials"]) {
      FinishedTrial trial;
      trial.state = from["state"] == "PRUNED" ? TrialState::kPruned : TrialState::kComplete;
      if (trial.state == TrialState::kComplete) trial.values = {from["value"].get<double>()};
      for (const auto& [step, value] : from["iv"].items()) trial.reports.push_back({std::stoll(step), {value}});
      if (!from["constraints"].is_null()) trial.constraints = from["constraints"].get<std::vector<double>>();
      trials.push_back(std::move(trial));
    }
    EXPECT_EQ(good_of(trials, {Direction::kMaximize}, entry["n_below"].get<std::size_t>()),
              entry["below"].get<std::vector<std::uint32_t>>());
    ++cases;
  }
  EXPECT_EQ(cases, 1);
}

TEST(TpeSplit, OneObjectiveTakesTheBestAndTheOldestOfEquals) {
  const std::vector<FinishedTrial> trials{complete({3}), {.assignment = {}, .state = TrialState::kFail},
                                          complete({5}), pruned({}),
                                          complete({5}), complete({4})};
  EXPECT_EQ(good_of(trials, {Direction::kMaximize}, 1), (std::vector<std::uint32_t>{2}));
  EXPECT_EQ(good_of(trials, {Direction::kMaximize}, 4), (std::vector<std::uint32_t>{0, 2, 4, 5}));
  EXPECT_EQ(good_of(trials, {Direction::kMaximize}, 9), (std::vector<std::uint32_t>{0, 2, 3, 4, 5}));
  EXPECT_EQ(good_of(trials, {Direction::kMinimize}, 2), (std::vector<std::uint32_t>{0, 5}));
}

TEST(TpeSplit, PrunedTrialsGoByLengthThenByTheirLastReport) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<FinishedTrial> trials{pruned({}), pruned({{3, {0.5}}, {4, {nan}}}), pruned({{4, {0.2}}}),
                                          pruned({{5, {9}}}), pruned({{4, {0.1}}})};
  EXPECT_EQ(good_of(trials, {Direction::kMinimize}, 1), (std::vector<std::uint32_t>{3}));
  EXPECT_EQ(good_of(trials, {Direction::kMinimize}, 2), (std::vector<std::uint32_t>{3, 4}));
  EXPECT_EQ(good_of(trials, {Direction::kMaximize}, 2), (std::vector<std::uint32_t>{2, 3}));
  EXPECT_EQ(good_of(trials, {Direction::kMinimize}, 4), (std::vector<std::uint32_t>{1, 2, 3, 4}));
}

TEST(TpeSplit, InfeasibleTrialsComeLastWhateverTheirState) {
  std::vector<FinishedTrial> trials{complete({1}, {2, -5}), complete({9}, {0, -1}), pruned({{1, {5}}}),
                                    complete({0}, {0.5, 0.5})};
  trials.push_back({.assignment = {}, .state = TrialState::kPruned, .constraints = {0.25}});
  EXPECT_EQ(good_of(trials, {Direction::kMinimize}, 1), (std::vector<std::uint32_t>{1}));
  EXPECT_EQ(good_of(trials, {Direction::kMinimize}, 2), (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(good_of(trials, {Direction::kMinimize}, 3), (std::vector<std::uint32_t>{1, 2, 4}));
  EXPECT_EQ(good_of(trials, {Direction::kMinimize}, 4), (std::vector<std::uint32_t>{1, 2, 3, 4}));
}

TEST(TpeSplit, SeveralObjectivesHonourConstraintsToo) {
  const std::vector<Direction> both(2, Direction::kMinimize);
  const std::vector<FinishedTrial> trials{complete({0, 0}, {1}), complete({5, 5}, {-1}), complete({6, 6}, {0}),
                                          complete({0, 0}, {0.5}), pruned({{7, {1, 1}}})};
  EXPECT_EQ(good_of(trials, both, 2), (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(good_of(trials, both, 3), (std::vector<std::uint32_t>{1, 2, 4}));
  EXPECT_EQ(good_of(trials, both, 4), (std::vector<std::uint32_t>{1, 2, 3, 4}));
}

TEST(TpeSplit, Revision31DistrustsTrialsWithoutConstraints) {
  const std::vector<FinishedTrial> trials{complete({1}), complete({2}, {-1}), complete({3}, {0.5}), complete({0})};
  EXPECT_EQ(good_of(trials, {Direction::kMinimize}, 1, true), (std::vector<std::uint32_t>{1}));
  EXPECT_EQ(good_of(trials, {Direction::kMinimize}, 2, true), (std::vector<std::uint32_t>{1, 2}));
  EXPECT_EQ(good_of(trials, {Direction::kMinimize}, 3, true), (std::vector<std::uint32_t>{0, 1, 2}));
  EXPECT_EQ(good_of(trials, {Direction::kMinimize}, 1), (std::vector<std::uint32_t>{3}));
}

TEST(TpeSplit, Revision31WeighsGoodTrialsByHypervolume) {
  const std::vector<FinishedTrial> trials{complete({1, 4}), complete({2, 2}), complete({4, 1}),
                                          complete({4.5, 4.5}, {1})};
  const std::vector<Direction> both(2, Direction::kMinimize);
  auto split = split_of(trials, both, false);
  EXPECT_EQ(split.good_weights(split.good(3)), (std::vector<double>{1, 1, 1}));

  const std::vector<FinishedTrial> feasible(trials.begin(), trials.begin() + 3);
  auto older = split_of(feasible, both, true);
  const auto weights = older.good_weights(older.good(3));
  // Reference (4.4, 4.4): alone (1, 4) adds 1 x 0.4, (2, 2) adds 2 x 2 = 4, (4, 1) adds 0.4 x 1.
  EXPECT_NEAR(weights[0], 0.1, 1e-12);
  EXPECT_NEAR(weights[1], 1, 1e-12);
  EXPECT_NEAR(weights[2], 0.1, 1e-12);
}

TEST(TpeSplit, GoodCountFollowsOptuna) {
  EXPECT_EQ(good_count(10, 1), 1u);
  EXPECT_EQ(good_count(11, 1), 2u);
  EXPECT_EQ(good_count(1000, 1), 25u);
  EXPECT_EQ(good_count(1000, 2), 100u);
  EXPECT_EQ(good_count(1000, 2, true), 25u);
}

TEST(NonDominatedFronts, EqualASortOfAllPoints) {
  for (const std::size_t objectives : {2u, 3u}) {
    RandomStream stream(3, {objectives}, "points");
    NonDominatedFronts fronts;
    std::vector<Losses> points;
    for (std::uint32_t row = 0; row < 300; ++row) {
      Losses point;
      for (std::size_t i = 0; i < objectives; ++i) point.push_back(static_cast<double>(stream.below(20)));
      points.push_back(point);
      fronts.add(row, point);
    }
    const auto ranks = non_dominated_ranks(points);
    std::size_t seen = 0;
    for (std::size_t front = 0; front < fronts.fronts().size(); ++front) {
      for (const std::uint32_t row : fronts.fronts()[front]) EXPECT_EQ(ranks[row], front);
      EXPECT_TRUE(std::is_sorted(fronts.fronts()[front].begin(), fronts.fronts()[front].end()));
      seen += fronts.fronts()[front].size();
    }
    EXPECT_EQ(seen, points.size());
  }
}

TEST(HypervolumeSubset, GoesOnWhereItEnded) {
  for (const std::size_t objectives : {2u, 3u}) {
    RandomStream stream(4, {objectives}, "points");
    std::vector<Losses> points;
    for (int i = 0; i < 60; ++i) {
      Losses point;
      for (std::size_t k = 0; k < objectives; ++k) point.push_back(stream.uniform());
      points.push_back(point);
    }
    const Losses reference = reference_point(points);
    HypervolumeSubset subset(points, reference);
    for (std::size_t count = 1; count < 60; count += 7) {
      EXPECT_EQ(subset.first(count), select_by_hypervolume(points, count, reference));
    }
  }
}

TEST(Hypervolume, AgreesWithInclusionExclusion) {
  EXPECT_DOUBLE_EQ(hypervolume({{1, 2}, {2, 1}}, {3, 3}), 3.0);
  EXPECT_DOUBLE_EQ(hypervolume({{1, 2}, {2, 1}, {2, 2}, {5, 0}}, {3, 3}), 3.0);
  EXPECT_DOUBLE_EQ(hypervolume({{0, 1, 1}, {1, 0, 1}, {1, 1, 0}}, {2, 2, 2}), 2 + 2 + 2 - 3 + 1);
  EXPECT_DOUBLE_EQ(hypervolume({}, {1, 1}), 0.0);
}

}  // namespace
}  // namespace lathe::sampler
