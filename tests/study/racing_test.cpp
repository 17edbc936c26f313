#include "lathe/study/exhaustive/racing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/base/random.h"
#include "lathe/sampler/sampler.h"
#include "lathe/study/exhaustive/student.h"

namespace lathe::study {
namespace {

const std::vector<Direction> kTwo{Direction::kMaximize, Direction::kMinimize};

// Candidates with a noisy accuracy and an exact size.
struct Synthetic {
  std::vector<std::pair<double, double>> truth;  // accuracy without noise, size
  double noise = 0.01;
  std::uint64_t seed = 0;

  std::vector<double> draw(std::size_t candidate, std::size_t repeat) const {
    RandomStream stream(seed, {candidate, repeat}, "racing_test");
    return {truth[candidate].first + noise * stream.normal(), truth[candidate].second};
  }

  bool on_front(std::size_t candidate) const {
    return std::none_of(truth.begin(), truth.end(), [&](const auto& other) {
      const auto& self = truth[candidate];
      return other != self && other.first >= self.first && other.second <= self.second;
    });
  }
};

struct Outcome {
  std::vector<Standing> standings;
  std::size_t seeds = 0;
  std::vector<std::size_t> repeats;
};

Outcome race_to_the_end(const Synthetic& synthetic, const recipe::RacingSettings& settings) {
  std::vector<Racer> racers(synthetic.truth.size());
  for (std::size_t i = 0; i < racers.size(); ++i) racers[i].repeats = {synthetic.draw(i, 0)};
  Outcome outcome;
  while (true) {
    outcome.standings = race(racers, kTwo, settings);
    bool any = false;
    for (std::size_t i = 0; i < racers.size(); ++i) {
      if (!outcome.standings[i].another_seed) continue;
      any = true;
      racers[i].repeats.push_back(synthetic.draw(i, racers[i].repeats.size()));
    }
    if (!any) break;
  }
  for (const Racer& racer : racers) {
    outcome.seeds += racer.repeats.size();
    outcome.repeats.push_back(racer.repeats.size());
  }
  return outcome;
}

// A front of four, a cloud far below it, and some just below it.
Synthetic clear_front(std::uint64_t seed) {
  Synthetic synthetic{.truth = {{0.90, 40}, {0.85, 30}, {0.80, 20}, {0.70, 10}}, .noise = 0.01, .seed = seed};
  for (int i = 0; i < 30; ++i) {
    synthetic.truth.emplace_back(0.3 + 0.012 * i, 12.0 + i);
  }
  return synthetic;
}

TEST(StudentCdf, EqualsTables) {
  // Quantiles of the usual table: 0.975 at 1, 5, 30 degrees, 0.95 at 10; and a closed form for 2 degrees.
  EXPECT_NEAR(student_cdf(12.706204736, 1), 0.975, 1e-9);
  EXPECT_NEAR(student_cdf(2.570581836, 5), 0.975, 1e-9);
  EXPECT_NEAR(student_cdf(2.042272456, 30), 0.975, 1e-9);
  EXPECT_NEAR(student_cdf(-1.812461123, 10), 0.05, 1e-9);
  for (const double t : {-3.0, -0.2, 0.0, 0.7, 25.0}) {
    EXPECT_NEAR(student_cdf(t, 2), 0.5 + t / (2 * std::sqrt(2 + t * t)), 1e-12) << t;
  }
  EXPECT_EQ(student_cdf(std::numeric_limits<double>::infinity(), 3), 1);
}

TEST(Race, ResolvesAClearFrontWithFewSeeds) {
  const Synthetic synthetic = clear_front(1);
  const Outcome outcome = race_to_the_end(synthetic, {});
  for (std::size_t i = 0; i < synthetic.truth.size(); ++i) {
    EXPECT_EQ(outcome.standings[i].membership, i < 4 ? Membership::kOn : Membership::kOff) << i;
  }
  EXPECT_LT(outcome.seeds, synthetic.truth.size() + 15);  // ten for each candidate would be 340
}

TEST(Race, GivesNoFurtherSeedsToWhatIsFarFromTheFront) {
  const Synthetic synthetic = clear_front(2);
  const Outcome outcome = race_to_the_end(synthetic, {});
  for (std::size_t i = 4; i < 20; ++i) EXPECT_LE(outcome.repeats[i], 2u) << i;
}

TEST(Race, DeclaresEqualCandidatesTied) {
  Synthetic synthetic = clear_front(3);
  synthetic.truth.push_back(synthetic.truth[1]);
  const Outcome outcome = race_to_the_end(synthetic, {});
  EXPECT_EQ(outcome.standings[1].membership, Membership::kTied);
  EXPECT_EQ(outcome.standings.back().membership, Membership::kTied);
  EXPECT_EQ(outcome.repeats[1], 10u);
  EXPECT_EQ(outcome.repeats.back(), 10u);
  EXPECT_EQ(outcome.standings[3].membership, Membership::kOn);
}

TEST(Race, IsRightAboutAsOftenAsItSays) {
  // Gaps of about one standard deviation: membership is decided by noise at first.
  std::size_t resolved = 0, wrong = 0, tied = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Synthetic synthetic{.truth = {}, .noise = 0.01, .seed = 1000 + seed};
    RandomStream stream(seed, {9}, "truth");
    for (int i = 0; i < 20; ++i) {
      const double size = 1 + static_cast<double>(i / 2);
      synthetic.truth.emplace_back(0.6 + 0.02 * size + 0.02 * stream.normal(), size);
    }
    const Outcome outcome = race_to_the_end(synthetic, {.max_repeats = 10, .confidence = 0.95});
    for (std::size_t i = 0; i < synthetic.truth.size(); ++i) {
      const Membership membership = outcome.standings[i].membership;
      ASSERT_NE(membership, Membership::kOpen);
      if (membership == Membership::kTied) {
        ++tied;
        continue;
      }
      ++resolved;
      wrong += (membership == Membership::kOn) != synthetic.on_front(i) ? 1 : 0;
    }
  }
  RecordProperty("resolved", static_cast<int>(resolved));
  RecordProperty("wrong", static_cast<int>(wrong));
  RecordProperty("tied", static_cast<int>(tied));
  EXPECT_GT(resolved, 800u);
  EXPECT_LT(static_cast<double>(wrong), 0.05 * static_cast<double>(resolved)) << resolved << " resolved";
}

TEST(Race, BoundsTheProbabilityOfEachCandidate) {
  const Outcome outcome = race_to_the_end(clear_front(4), {.max_repeats = 5, .confidence = 0.9});
  for (const Standing& standing : outcome.standings) {
    EXPECT_LE(standing.at_least, standing.at_most);
    EXPECT_TRUE(standing.membership != Membership::kOn || standing.at_least >= 0.9);
    EXPECT_TRUE(standing.membership != Membership::kOff || standing.at_most <= 0.1 + 1e-12);
    EXPECT_EQ(standing.standard_errors[1], 0);
  }
}

TEST(Race, WorksWithOneObjective) {
  const std::vector<Racer> racers{
      {{{0.5}, {0.52}, {0.51}, {0.49}, {0.5}}}, {{{0.8}, {0.82}, {0.81}, {0.79}, {0.8}}}, {{{0.4}}}};
  const std::vector<Standing> standings = race(racers, {Direction::kMaximize}, {});
  EXPECT_EQ(standings[0].membership, Membership::kOff);
  EXPECT_EQ(standings[1].membership, Membership::kOn);
  EXPECT_EQ(standings[2].membership, Membership::kOff);
  EXPECT_DOUBLE_EQ(standings[1].means[0], 0.804);
}

TEST(Race, JudgesConstraintsByAllSeeds) {
  // Accuracy and what it breaks a bound by: surely met, met by chance, broken by chance, surely broken.
  const std::vector<Racer> racers{{{{0.70, -0.10}, {0.71, -0.11}, {0.69, -0.09}, {0.70, -0.10}}},
                                  {{{0.90, -0.01}, {0.91, 0.02}, {0.89, 0.01}, {0.90, 0.02}}},
                                  {{{0.80, 0.01}, {0.81, -0.02}, {0.79, -0.01}, {0.80, -0.01}}},
                                  {{{0.99, 0.21}, {0.98, 0.20}, {0.99, 0.19}, {0.98, 0.20}}}};
  const std::vector<Standing> standings = race(racers, {Direction::kMaximize}, {.max_repeats = 8});
  EXPECT_EQ(standings[0].membership, Membership::kOpen);  // the best if both others break the bound
  EXPECT_EQ(standings[1].membership, Membership::kOpen);
  EXPECT_EQ(standings[2].membership, Membership::kOpen);
  EXPECT_EQ(standings[3].membership, Membership::kOff);
  EXPECT_LT(standings[3].at_most, 1e-6);
  EXPECT_FALSE(standings[3].another_seed);
  EXPECT_TRUE(standings[0].meets && standings[2].meets);
  EXPECT_FALSE(standings[1].meets || standings[3].meets);
  const std::vector<Racer> bound{{{{0.70, -0.10}, {0.71, -0.11}, {0.69, -0.09}, {0.70, -0.10}, {0.70, -0.1}}},
                                 {{{0.90, -0.10}, {0.91, -0.11}, {0.89, -0.09}, {0.90, -0.10}, {0.90, -0.1}}}};
  const std::vector<Standing> clear = race(bound, {Direction::kMaximize}, {.max_repeats = 8});
  EXPECT_EQ(clear[0].membership, Membership::kOff);
  EXPECT_EQ(clear[1].membership, Membership::kOn);
}

TEST(Race, NeedsNoSeedsWithoutNoise) {
  std::vector<Racer> racers;
  for (const double size : {1.0, 2.0, 3.0, 4.0, 5.0}) {
    racers.push_back({.repeats = std::vector<std::vector<double>>(3, {0.1 * size - (size == 4 ? 0.2 : 0), size})});
  }
  const std::vector<Standing> standings = race(racers, kTwo, {});
  for (std::size_t i = 0; i < standings.size(); ++i) {
    EXPECT_EQ(standings[i].membership, i == 3 ? Membership::kOff : Membership::kOn) << i;
    EXPECT_FALSE(standings[i].another_seed);
  }
}

TEST(Race, DoesNotDependOnTheOrder) {
  Synthetic synthetic = clear_front(5);
  std::vector<Racer> racers(synthetic.truth.size());
  for (std::size_t i = 0; i < racers.size(); ++i) {
    racers[i].repeats = {synthetic.draw(i, 0), synthetic.draw(i, 1), synthetic.draw(i, 2)};
  }
  const std::vector<Standing> forward = race(racers, kTwo, {});
  std::reverse(racers.begin(), racers.end());
  std::vector<Standing> backward = race(racers, kTwo, {});
  std::reverse(backward.begin(), backward.end());
  for (std::size_t i = 0; i < forward.size(); ++i) {
    EXPECT_EQ(forward[i].membership, backward[i].membership) << i;
    EXPECT_EQ(forward[i].another_seed, backward[i].another_seed) << i;
  }
}

TEST(Race, TakesNobodyAndOne) {
  EXPECT_TRUE(race({}, kTwo, {}).empty());
  const std::vector<Racer> one{{.repeats = {{0.5, 3}}}};
  EXPECT_EQ(race(one, kTwo, {}).front().membership, Membership::kOn);
}

}  // namespace
}  // namespace lathe::study
