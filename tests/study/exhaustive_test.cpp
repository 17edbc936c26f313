#include "lathe/study/exhaustive/exhaustive.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "lathe/base/error.h"
#include "lathe/storage/sqlite/sqlite_storage.h"
#include "lathe/study/exhaustive/race_loop.h"
#include "program.h"
#include "study/fixture.h"

// Exhaustive searches of a small space: everything trained, or what may be on the front, by any number of workers.
namespace lathe::study {
namespace {

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  return text.replace(text.find(from), from.size(), to);
}

// 7 x 7 x 4 = 196 points, 8 epochs each; some points are one network.
std::string space_of(const std::string& setup) {
  std::string text = replaced(trained_search(setup), "channel_multiplier = [0.5, 1, 2]",
                              "channel_multiplier = [0.17, 0.2, 0.33, 0.5, 1, 1.5, 2]");
  text = replaced(text, "weight_width = [2, 6]", "weight_width = [2, 3, 4, 5, 6, 7, 8]");
  text = replaced(text, "data_in_width = [8]", "data_in_width = [3, 4, 6, 8]");
  return replaced(text, "max_epochs = 2", "max_epochs = 8");
}

std::string exhaustive(const std::string& table, const std::string& setup = "n_jobs = 1\n") {
  return space_of(setup + "heartbeat = 0.1\nheartbeat_grace = 0.5\n[search.strategy.exhaustive]\n" + table);
}

const char* const kRacing = "confidence = 0.9\nmin_resource = 2\nseeds = 3\n";

struct Outcome {
  std::vector<TrialState> states;
  std::vector<std::vector<double>> values;
  std::vector<std::size_t> reports, best;
  std::vector<double> means, probabilities;
  std::vector<std::string> memberships;
  bool operator==(const Outcome&) const = default;
};

Outcome outcome_of(const StudyResult& result) {
  Outcome outcome;
  for (const Trial& trial : result.trials) {
    outcome.states.push_back(trial.state);
    outcome.values.push_back(trial.values);
    outcome.reports.push_back(trial.reports.size());
    if (!trial.standing) continue;
    outcome.means.push_back(trial.standing->means.front());
    outcome.probabilities.push_back(trial.standing->front_probability);
    outcome.memberships.push_back(to_string(trial.standing->membership));
  }
  outcome.best = result.best;
  return outcome;
}

// Runs the trials and the race, as `lathe search` does.
StudyResult run_all(Fixture& fixture, storage::Storage& storage) {
  StudyResult result = fixture.run_in(storage);
  run_race(fixture.settings, fixture.evaluator, storage, fixture.open(storage).id, result, fixture.stop,
           [](std::int64_t, std::int64_t) {});
  return result;
}

Outcome run_document(const std::string& document) {
  Fixture fixture(document);
  const auto storage = storage::open_memory();
  return outcome_of(run_all(fixture, *storage));
}

std::string error_of(const std::string& document) {
  try {
    const Fixture fixture(document);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Exhaustive, SetsUpTheWholeSearch) {
  const Fixture fixture(exhaustive(kRacing));
  const recipe::StudySettings& settings = fixture.settings;
  EXPECT_EQ(settings.sampler, "brute_force");
  EXPECT_EQ(settings.n_trials, 196);
  EXPECT_EQ(settings.repeats, 1);
  ASSERT_TRUE(settings.racing);
  EXPECT_EQ(settings.racing->max_repeats, 3);
  EXPECT_EQ(settings.racing->min_repeats, 3);
  ASSERT_TRUE(settings.pruner);
  EXPECT_EQ(settings.pruner->name, "front");
  EXPECT_EQ(settings.pruner->interval, 2);
  EXPECT_EQ(settings.pruner->options->find("max_resource")->as_integer(), 8);
  // Rungs after epochs 2 and 4, one measured objective: at least 19 candidates bound anything with 90 %.
  EXPECT_EQ(settings.pruner->options->find("calibration")->as_integer(), 24);
  EXPECT_EQ(recipe::known_before_training(settings), (std::vector<bool>{false, true}));
}

TEST(Exhaustive, TrainsEverythingWhereNothingStopsIt) {
  const Fixture fixture(exhaustive("stop = \"none\"\nseeds = 2\n"));
  EXPECT_FALSE(fixture.settings.pruner);
  EXPECT_EQ(fixture.settings.repeats, 2);
  const Fixture small(trained_search("n_jobs = 1\n[search.strategy.exhaustive]\n"));
  EXPECT_FALSE(small.settings.pruner);  // six candidates bound nothing
}

TEST(Exhaustive, WithoutStoppingEqualsBruteForce) {
  const Outcome all = run_document(exhaustive("stop = \"none\"\nseeds = 2\n"));
  Fixture brute(space_of("n_trials = 196\nrepeats = 2\nsampler = \"brute_force\"\n"));
  const Outcome plain = outcome_of(brute.run());
  EXPECT_EQ(all.states, plain.states);
  EXPECT_EQ(all.values, plain.values);
  for (const std::size_t index : plain.best) {  // the front of the means, but for what is more likely off it
    const bool kept = std::binary_search(all.best.begin(), all.best.end(), index);
    EXPECT_TRUE(kept || all.probabilities[index] <= 0.05) << index << ": " << all.probabilities[index];
  }
}

TEST(Exhaustive, KeepsTheExactFrontAndSavesEpochs) {
  const Outcome raced = run_document(exhaustive("confidence = 0.95\nmin_resource = 2\nseeds = 3\n"));
  const Outcome all = run_document(exhaustive("stop = \"none\"\nseeds = 1\n"));
  EXPECT_GT(std::count(raced.states.begin(), raced.states.end(), TrialState::kPruned), 15);
  std::size_t lost = 0, on_front = 0;
  for (const std::size_t i : sampler::pareto_front(all.values, {Direction::kMaximize, Direction::kMinimize})) {
    ++on_front;
    lost += raced.states[i] == TrialState::kPruned ? 1 : 0;
  }
  EXPECT_GT(on_front, 5u);
  EXPECT_LE(lost, on_front / 5) << on_front;  // the promise is about all candidates, as below
  EXPECT_LE(static_cast<double>(lost), 0.05 * static_cast<double>(all.values.size()));
  for (std::size_t i = 0; i < all.values.size(); ++i) {
    if (raced.states[i] != TrialState::kComplete) continue;
    EXPECT_EQ(raced.values[i], all.values[i]) << i;
  }
}

TEST(Exhaustive, RacesTheSameAfterTheRaceWasCutOff) {
  const Outcome undisturbed = run_document(exhaustive(kRacing));
  const auto storage = storage::open_memory();
  Fixture first(exhaustive(kRacing));
  StudyResult result = first.run_in(*storage);
  const OpenedStudy study = first.open(*storage);
  run_race(first.settings, first.evaluator, *storage, study.id, result, first.stop,
           [&](std::int64_t done, std::int64_t) {
             if (done >= 7) first.stop.request();
           });
  EXPECT_LT(storage->repeats(study.id).size(), 10u);
  Fixture second(exhaustive(kRacing));
  EXPECT_EQ(outcome_of(run_all(second, *storage)), undisturbed);
}

TEST(Exhaustive, SaysHowSureTheFrontIs) {
  Fixture fixture(exhaustive(kRacing));
  const auto storage = storage::open_memory();
  const StudyResult result = run_all(fixture, *storage);
  ASSERT_FALSE(result.best.empty());
  for (const std::size_t index : result.best) {
    ASSERT_TRUE(result.trials[index].standing);
    const storage::Standing& standing = *result.trials[index].standing;
    EXPECT_EQ(standing.seeds, 3) << index;
    const double accuracy = result.trials[index].evaluation->metrics.at("accuracy");
    // That of one seed is binomial; a part of it goes with the seeds.
    EXPECT_LE(standing.sampling_errors[0], 1.05 * std::sqrt(accuracy * (1 - accuracy) / 256));
    EXPECT_GT(standing.sampling_errors[0], 0);
    EXPECT_EQ(standing.sampling_errors[1], 0);
    EXPECT_NEAR(standing.total_errors[0], std::hypot(standing.standard_errors[0], standing.sampling_errors[0]), 1e-12);
    EXPECT_GE(standing.front_probability, 0);
    EXPECT_LE(standing.front_probability, 1);
  }
}

TEST(Exhaustive, IsTheSameForEveryNumberOfJobs) {
  EXPECT_EQ(run_document(exhaustive(kRacing)), run_document(exhaustive(kRacing, "n_jobs = 3\n")));
}

TEST(Exhaustive, GoesOnWhereItWasCutOff) {
  const Outcome undisturbed = run_document(exhaustive(kRacing));
  const auto storage = storage::open_memory();
  for (const std::size_t stop_after : {3u, 30u, 90u}) {
    Fixture part(exhaustive(kRacing, "n_jobs = 2\n"));
    part.run_in(*storage, nullptr, [&](const Trial&, std::size_t ended, std::optional<std::int64_t>) {
      if (ended >= stop_after) part.stop.request();
    });
  }
  Fixture last(exhaustive(kRacing, "n_jobs = 2\n"));
  EXPECT_EQ(outcome_of(run_all(last, *storage)), undisturbed);
}

TEST(Exhaustive, IsSharedByWorkers) {
  const Outcome undisturbed = run_document(exhaustive(kRacing));
  const testing::TemporaryFolder folder;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      Fixture fixture(exhaustive(kRacing));
      fixture.run_in(*storage::open_sqlite(folder.path() / "study.db"));
    });
  }
  for (std::thread& thread : threads) thread.join();
  Fixture fixture(exhaustive(kRacing));
  const auto storage = storage::open_sqlite(folder.path() / "study.db");
  EXPECT_EQ(outcome_of(run_all(fixture, *storage)), undisturbed);
}

TEST(Exhaustive, RefusesWhatContradictsIt) {
  const std::string table = "[search.strategy.exhaustive]\n";
  EXPECT_NE(error_of(trained_search("sampler = \"tpe\"\n" + table)).find("every point by \"brute_force\"; got \"tpe\""),
            std::string::npos);
  EXPECT_EQ(error_of(trained_search("sampler = \"brute\"\n" + table)), "no error");
  EXPECT_NE(error_of(trained_search("n_trials = 5\n" + table)).find("trains all 6 points of the space; got 5"),
            std::string::npos);
  EXPECT_EQ(error_of(trained_search("n_trials = 6\n" + table)), "no error");
  EXPECT_NE(error_of(trained_search("repeats = 2\n" + table)).find("leave repeats out"), std::string::npos);
  EXPECT_NE(error_of(trained_search(table + "[search.strategy.racing]\n")).find("sets its race up itself"),
            std::string::npos);
  EXPECT_NE(
      error_of(trained_search(table + "[search.strategy.pruner]\nname = \"moasha\"\n")).find("sets its pruner up"),
      std::string::npos);
  EXPECT_EQ(error_of(trained_search(table + "stop = \"none\"\n[search.strategy.pruner]\nname = \"none\"\n")),
            "no error");
  EXPECT_NE(error_of(exhaustive("calibration = 10\n")).find("at least 59 are needed"), std::string::npos)
      << error_of(exhaustive("calibration = 10\n"));
  EXPECT_NE(error_of(exhaustive("min_resource = 8\n")).find("must be below max_epochs (8); got 8"), std::string::npos);
  EXPECT_NE(error_of(exhaustive("stop = \"none\"\ncalibration = 80\n")).find("belongs to stop = \"racing\""),
            std::string::npos);
  EXPECT_NE(error_of(replaced(exhaustive(""), "[3, 4, 6, 8]", "[8]") +
                     "[search.search_space.training]\nlearning_rate = { low = 0.001, high = 0.1 }\n")
                .find("training/learning_rate is continuous"),
            std::string::npos);
}

}  // namespace
}  // namespace lathe::study
