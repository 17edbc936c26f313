#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "lathe/storage/memory.h"
#include "lathe/study/exhaustive/race_loop.h"
#include "lathe/study/exhaustive/verdict.h"
#include "lathe/study/final.h"
#include "lathe/trial/constraint.h"
#include "study/fixture.h"

// Constraints that training decides, judged with the seeds and rows of a race.
namespace lathe::study {
namespace {

// Searches the whole space for the least bitops with a bound on the accuracy.
std::string least_bitops(double accuracy) {
  std::string document = trained_search("n_trials = 20\nn_jobs = 1\nsampler = \"brute_force\"\n") +
                         "[search.strategy.racing]\nmax_repeats = 5\n[search.final]\nseeds = 2\ntop = 20\n";
  const std::string objective = "accuracy = { scale = 1.0, direction = \"maximize\" }\n";
  document.erase(document.find(objective), objective.size());
  return document + "[search.strategy.constraints]\naccuracy.min = " + std::to_string(accuracy) + "\n";
}

struct Raced {
  std::unique_ptr<Fixture> fixture;
  StudyResult result;
};

Raced raced(double bound) {
  Raced raced{std::make_unique<Fixture>(least_bitops(bound)), {}};
  Fixture& fixture = *raced.fixture;
  const auto storage = storage::open_memory();
  raced.result = fixture.run_in(*storage);
  run_race(fixture.settings, fixture.evaluator, *storage, fixture.open(*storage).id, raced.result, fixture.stop,
           [](std::int64_t, std::int64_t) {});
  return raced;
}

double mean_accuracy(const Raced& raced, const Trial& trial) {
  double sum = 0;
  for (std::int64_t seed = 0; seed < trial.standing->seeds; ++seed) {
    const trial::Prepared prepared = raced.fixture->evaluator.prepare(trial.assignment);
    sum += raced.fixture->evaluator.evaluate(prepared, static_cast<std::uint64_t>(seed), raced.fixture->stop)
               .metrics.at("accuracy");
  }
  return sum / static_cast<double>(trial.standing->seeds);
}

TEST(RaceConstraints, AreMetByTheMeanOfTheSeeds) {
  // The bound is between the accuracies of first seeds: some trials break it, or meet it, by chance.
  std::vector<double> accuracies;
  for (const Trial& trial : raced(0.01).result.trials) accuracies.push_back(trial.evaluation->metrics.at("accuracy"));
  std::sort(accuracies.begin(), accuracies.end());
  const double bound = (accuracies[2] + accuracies[3]) / 2;
  Raced race = raced(bound);
  std::size_t more = 0;
  for (const Trial& trial : race.result.trials) {
    ASSERT_TRUE(trial.standing) << trial.number;
    EXPECT_EQ(trial.standing->meets, mean_accuracy(race, trial) >= bound) << trial.number;
    more += trial.standing->seeds > 1 ? 1 : 0;
  }
  EXPECT_GT(more, 0u);
  ASSERT_FALSE(race.result.best.empty());
  for (const std::size_t index : race.result.best) EXPECT_TRUE(race.result.trials[index].standing->meets);
  for (const FinalScore& score :
       run_final(race.fixture->settings, race.fixture->evaluator, race.result, race.fixture->stop)) {
    EXPECT_TRUE(race.result.trials.at(static_cast<std::size_t>(score.number)).standing->meets) << score.number;
  }
}

TEST(RaceConstraints, BetweenTwoBoundsAreJudgedByTheMean) {
  const recipe::Constraint band{.name = "accuracy", .kind = metric::find_metric("accuracy"), .min = 0.4, .max = 0.6};
  const std::vector<recipe::Constraint> bounds = trial::trained_constraints({band});
  ASSERT_EQ(bounds.size(), 2u);
  EXPECT_EQ(bounds[0].min, 0.4);
  EXPECT_EQ(bounds[1].max, 0.6);
  double low = 0, high = 0;  // seeds on both sides of the band, their mean within it
  for (const double accuracy : {0.3, 0.7}) {
    const std::vector<double> violations = trial::constraint_values(bounds, {{"accuracy", accuracy}});
    low += violations[0] / 2;
    high += violations[1] / 2;
  }
  EXPECT_LT(low, 0);
  EXPECT_LT(high, 0);
}

TEST(RaceConstraints, OfOneCandidateAloneGetFurtherSeeds) {
  const std::vector<Racer> one{{{{0.70, 0.001}}}};
  EXPECT_TRUE(race(one, {Direction::kMaximize}, {.max_repeats = 5}).front().another_seed);
  const std::vector<Racer> free{{{{0.70}}}};
  EXPECT_FALSE(race(free, {Direction::kMaximize}, {.max_repeats = 5}).front().another_seed);
}

TEST(RaceConstraints, WhatMayMeetThemLeavesNoGapInTheFront) {
  // Many smaller candidates that break the bound by their means: one of them may meet it, none of them is an answer.
  EndedRace ended{.racers = {}, .directions = {Direction::kMinimize}, .confidence = 0.95, .seed = 1, .rows = 1000};
  constexpr int kSmaller = 25;
  for (int i = 0; i <= kSmaller; ++i) {
    const double violation = i < kSmaller ? 0.005 : -0.2;
    Racer racer;
    for (const double noise : {-0.02, -0.01, 0.0, 0.01, 0.02})
      racer.repeats.push_back({static_cast<double>(10 + i), violation + noise});
    ended.racers.push_back(std::move(racer));
    ended.identities.push_back(static_cast<std::uint64_t>(i));
    ended.numbers.push_back(i);
  }
  std::vector<Standing> standings = race(ended.racers, ended.directions, {.max_repeats = 5}, ended.rows);
  judge_ended_race(ended, standings);
  EXPECT_LT(standings.back().front_probability, 0.05);
  EXPECT_NE(standings.back().membership, storage::Membership::kOff);
}

TEST(RaceConstraints, ThatNobodyMeetsLeaveNoBest) {
  const Raced race = raced(0.9999);
  EXPECT_TRUE(race.result.best.empty());
  for (const Trial& trial : race.result.trials) EXPECT_EQ(trial.standing->membership, storage::Membership::kOff);
}

}  // namespace
}  // namespace lathe::study
