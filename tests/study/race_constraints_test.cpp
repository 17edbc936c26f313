#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "lathe/storage/memory.h"
#include "lathe/study/final.h"
#include "lathe/study/race_loop.h"
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
    const Prepared prepared = raced.fixture->evaluator.prepare(trial.assignment);
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

TEST(RaceConstraints, ThatNobodyMeetsLeaveNoBest) {
  const Raced race = raced(0.9999);
  EXPECT_TRUE(race.result.best.empty());
  for (const Trial& trial : race.result.trials) EXPECT_EQ(trial.standing->membership, Membership::kOff);
}

}  // namespace
}  // namespace lathe::study
