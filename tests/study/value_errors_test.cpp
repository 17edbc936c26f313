#include "lathe/study/exhaustive/value_errors.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lathe/base/random.h"
#include "lathe/study/exhaustive/racing.h"
#include "lathe/study/exhaustive/verdict.h"

namespace lathe::study {
namespace {

const std::vector<Direction> kTwo{Direction::kMaximize, Direction::kMinimize};

// Candidates whose truth and errors are known: what a row adds is shared by all, partly the candidate's own, and partly
// another one with each seed.
struct Synthetic {
  std::vector<double> truth = {};
  std::size_t rows = 4000;
  double shared = 1, own = 0.3, within = 0.5, by_seed = 0.002;
  std::uint64_t seed = 0;

  double normal(std::initializer_list<std::uint64_t> words, const char* purpose) const {
    return RandomStream(seed, words, purpose).normal();
  }

  Racer racer(std::size_t candidate, std::size_t seeds, bool paired = true) const {
    RandomStream shared_rows(seed, {1}, "shared"), own_rows(seed, {candidate}, "own");
    std::vector<float> base;
    for (std::size_t row = 0; row < rows; ++row)
      base.push_back(static_cast<float>(shared * shared_rows.normal() + own * own_rows.normal()));
    Racer racer;
    racer.rows.resize(paired ? 2 : 0);
    for (std::size_t s = 0; s < seeds; ++s) {
      RandomStream stream(seed, {candidate, s}, "within");
      const double level = truth[candidate] + by_seed * stream.normal();
      std::vector<float> outcomes;
      double mean = 0;
      for (const float part : base) {
        outcomes.push_back(part + static_cast<float>(within * stream.normal()));
        mean += outcomes.back() / static_cast<double>(rows);
      }
      for (float& outcome : outcomes) outcome -= static_cast<float>(mean);
      racer.repeats.push_back({level + mean, static_cast<double>(candidate)});
      if (paired)
        racer.rows[0].add(outcomes);
      else
        racer.sampling_errors = {std::sqrt((shared * shared + own * own + within * within) / static_cast<double>(rows)),
                                 0};
    }
    return racer;
  }
};

TEST(ValueErrors, TellRowsFromSeeds) {
  Synthetic synthetic{.truth = std::vector<double>(160, 0.5), .rows = 1000};
  std::vector<Racer> racers;
  for (std::size_t i = 0; i < 160; ++i) racers.push_back(synthetic.racer(i, 4));
  const ValueErrors errors(racers, 0, -1, 1000);
  // One candidate's rows: shared and own parts; a difference of two: the own ones alone.
  EXPECT_NEAR(errors.row_variance(0) * 1000, 1 + 0.09, 0.12);
  EXPECT_NEAR(errors.covariance(0, 1) * 1000, 1, 0.12);
  EXPECT_NEAR(errors.row_variance_of_difference(0, 1) * 1000, 2 * 0.09, 0.05);
  // Seeds of the same rows: their own effect, and what is left of the rows.
  const double seeds = 0.002 * 0.002 + 0.25 / 1000;
  double mean = 0;
  for (std::size_t i = 0; i < 160; ++i) mean += errors.seed_variance(i) / 160;
  EXPECT_NEAR(mean * 4 / seeds, 1, 0.25);
  const ValueErrors second(racers, 1, 1, 1000);  // the cost
  EXPECT_EQ(second.row_variance(0), 0);
  EXPECT_EQ(second.seed_variance(0), 0);
}

TEST(ValueErrors, OfOneSeedBorrowTheUsualRatio) {
  Synthetic synthetic{.truth = std::vector<double>(20, 0.5)};
  std::vector<Racer> racers;
  for (std::size_t i = 0; i < 20; ++i) racers.push_back(synthetic.racer(i, i < 10 ? 3 : 1));
  const ValueErrors errors(racers, 0, -1, 4000);
  EXPECT_NEAR(errors.row_variance(15) * 4000, 1 + 0.09, 0.1);
  EXPECT_NEAR(errors.row_variance_of_difference(14, 15) * 4000, 2 * 0.09, 0.08);
}

TEST(ValueErrors, OfUnknownRowsAreIndependent) {
  Synthetic synthetic{.truth = {0.5, 0.5}};
  const std::vector<Racer> racers{synthetic.racer(0, 3), synthetic.racer(1, 3, false)};
  const ValueErrors errors(racers, 0, -1, 4000);
  EXPECT_EQ(errors.covariance(0, 1), 0);
  EXPECT_NEAR(errors.row_variance_of_difference(0, 1) * 4000, 1 + 0.09 + 1 + 0.09 + 0.25, 0.1);
}

// The standings of a race of candidates that have so many seeds.
std::vector<Standing> judged(const Synthetic& synthetic, std::size_t seeds, bool paired) {
  EndedRace ended{.racers = {}, .directions = kTwo, .confidence = 0.95, .seed = 1, .rows = 4000};
  for (std::size_t i = 0; i < synthetic.truth.size(); ++i) {
    ended.racers.push_back(synthetic.racer(i, seeds, paired));
    ended.identities.push_back(i);
    ended.numbers.push_back(static_cast<std::int64_t>(100 + i));
  }
  const recipe::RacingSettings settings{.max_repeats = static_cast<std::int64_t>(seeds), .confidence = 0.95};
  std::vector<Standing> standings = race(ended.racers, kTwo, settings, ended.rows);
  judge_ended_race(ended, standings);
  return standings;
}

// A ladder of candidates, too few to learn what is usual: each dearer one is better by three to four errors of a
// difference, but for the last, which is truly as good as the one before.
Synthetic ladder(std::uint64_t seed) {
  Synthetic synthetic{.truth = {}, .rows = 4000, .seed = seed};
  for (int i = 0; i < 8; ++i) synthetic.truth.push_back(0.5 + 0.03 * i);
  synthetic.truth[7] = synthetic.truth[6];
  return synthetic;
}

TEST(Verdict, PairsDecideWhatIndependentErrorsLeaveTied) {
  std::size_t paired = 0, alone = 0, wrong = 0;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    const Synthetic synthetic = ladder(seed);
    const std::vector<Standing> together = judged(synthetic, 5, true), apart = judged(synthetic, 5, false);
    for (std::size_t i = 0; i < together.size(); ++i) {
      paired += together[i].membership != Membership::kTied ? 1 : 0;
      alone += apart[i].membership != Membership::kTied ? 1 : 0;
      wrong += together[i].membership == Membership::kOff && i != 7 ? 1 : 0;
    }
  }
  EXPECT_GE(paired, 27u);  // of 32, the last of each ladder truly a tie
  EXPECT_LE(alone, 16u);
  EXPECT_EQ(wrong, 0u);
}

TEST(Verdict, SaysWhatWouldDecideATie) {
  int told = 0;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    const std::vector<Standing> standings = judged(ladder(seed), 5, true);
    if (standings[7].membership != Membership::kTied) continue;
    ASSERT_TRUE(standings[7].decider);
    EXPECT_EQ(standings[7].decider->rival, 106);
    EXPECT_FALSE(standings[7].decider->equal);
    ++told;
  }
  EXPECT_GE(told, 4);
}

TEST(Verdict, NamesTheBoundThatIsOpen) {
  EndedRace ended{.racers = {}, .directions = {Direction::kMaximize}, .confidence = 0.95, .seed = 1, .rows = 4000};
  const Synthetic synthetic{.truth = {0.70, 0.90}, .rows = 4000};
  for (std::size_t i = 0; i < 2; ++i) {
    ended.racers.push_back(synthetic.racer(i, 5));
    for (std::vector<double>& repeat : ended.racers[i].repeats) repeat[1] = i == 0 ? -1 : 0.899 - repeat[0];
    ended.racers[i].rows[1] = i == 0 ? RowSums() : ended.racers[i].rows[0];
    ended.identities.push_back(i);
    ended.numbers.push_back(static_cast<std::int64_t>(i));
  }
  ended.tied = {TiedViolation{.objective = 0, .slope = -1}};
  std::vector<Standing> standings = race(ended.racers, ended.directions, {.max_repeats = 5}, ended.rows);
  judge_ended_race(ended, standings);
  for (const Standing& standing : standings) EXPECT_EQ(standing.membership, Membership::kTied);
  EXPECT_NEAR(standings[0].front_probability + standings[1].front_probability, 1, 1e-12);
  ASSERT_TRUE(standings[1].decider);
  EXPECT_FALSE(standings[1].decider->rival);
  EXPECT_TRUE(standings[1].decider->rows);
}

TEST(Verdict, CountsFurtherSeedsAndRows) {
  // The gap is two standard errors of 3 seeds and 1000 rows together, three are needed: both variances are 1.
  const Decider both = decider_of(std::sqrt(8.0), 1, 1, 3, 1000, 3);
  EXPECT_FALSE(both.seeds);  // rows alone leave more than 8/9
  EXPECT_FALSE(both.rows);
  const Decider seeds = decider_of(2, 1, 0, 3, 1000, 4);
  EXPECT_EQ(seeds.seeds, 9);  // 12 in all: variance 1/4
  EXPECT_FALSE(seeds.rows);
  const Decider rows = decider_of(-2, 0.1, 0.5, 3, 1000, 3);
  EXPECT_FALSE(rows.seeds);
  EXPECT_EQ(rows.rows, 452);  // 0.5 * 1000 / (4/9 - 0.1) = 1451.6
  EXPECT_TRUE(decider_of(0, 1, 1, 3, 1000, 2).equal);
}

TEST(Verdict, IsKnownOfTheFirstOfOneObjective) {
  Synthetic synthetic{.truth = {}, .rows = 2000, .seed = 3};
  for (int i = 0; i < 15; ++i) synthetic.truth.push_back(0.5 + (i < 5 ? 0.1 : 0.0));
  EndedRace ended{.racers = {}, .directions = {Direction::kMaximize}, .confidence = 0.95, .seed = 1, .rows = 2000};
  for (std::size_t i = 0; i < synthetic.truth.size(); ++i) {
    ended.racers.push_back(synthetic.racer(i, 4));
    for (auto& repeat : ended.racers.back().repeats) repeat.pop_back();
    ended.identities.push_back(i);
    ended.numbers.push_back(static_cast<std::int64_t>(i));
  }
  std::vector<Standing> standings = race(ended.racers, ended.directions, {.max_repeats = 4}, ended.rows);
  judge_ended_race(ended, standings);
  double sum = 0;
  for (std::size_t i = 0; i < standings.size(); ++i) {
    sum += standings[i].front_probability;
    if (i < 5) continue;
    EXPECT_EQ(standings[i].membership, Membership::kOff) << i;
  }
  EXPECT_NEAR(sum, 1, 0.02);
}

}  // namespace
}  // namespace lathe::study
