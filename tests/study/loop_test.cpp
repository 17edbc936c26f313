#include "lathe/study/loop.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "study/fixture.h"

namespace lathe::study {
namespace {

// Proposes every point of a space in the order of a list.
class ListSampler : public sampler::Sampler {
 public:
  explicit ListSampler(std::vector<space::Assignment> list) : list_(std::move(list)) {}
  std::optional<space::Assignment> ask(std::int64_t number) override {
    asked_after.push_back(told.size());
    if (number >= static_cast<std::int64_t>(list_.size())) return std::nullopt;
    return list_[static_cast<std::size_t>(number)];
  }
  void announce(std::int64_t, const space::Assignment&) override {}
  void tell(const sampler::FinishedTrial& trial) override { told.push_back(trial.number); }

  std::vector<std::size_t> asked_after;
  std::vector<std::int64_t> told;

 private:
  std::vector<space::Assignment> list_;
};

std::vector<space::Assignment> all_points() {
  std::vector<space::Assignment> points;
  for (int width = 0; width < 3; ++width) {
    for (int bits = 0; bits < 2; ++bits) points.push_back({double(width), double(bits)});
  }
  return points;
}

// What must not depend on order, workers or time: each trial's metrics and values by assignment.
std::map<space::Assignment, std::pair<std::map<std::string, double>, std::vector<double>>> outcomes(
    const StudyResult& result) {
  std::map<space::Assignment, std::pair<std::map<std::string, double>, std::vector<double>>> all;
  for (const Trial& trial : result.trials) all[trial.assignment] = {trial.evaluation->metrics, trial.values};
  return all;
}

std::vector<space::Assignment> best_assignments(const StudyResult& result) {
  std::vector<space::Assignment> best;
  for (const std::size_t index : result.best) best.push_back(result.trials[index].assignment);
  std::sort(best.begin(), best.end());
  return best;
}

const char* const kBrute = "n_trials = 20\nn_jobs = 1\nsampler = \"brute_force\"\n";

TEST(StudyLoop, TriesTheWholeSpaceAndEnds) {
  Fixture fixture(trained_search(kBrute));
  const StudyResult result = fixture.run();
  EXPECT_EQ(result.end, StudyEnd::kSpaceExhausted);
  ASSERT_EQ(result.trials.size(), 6u);
  for (const Trial& trial : result.trials) {
    EXPECT_EQ(trial.state, TrialState::kComplete) << trial.reason;
    EXPECT_GT(trial.evaluation->metrics.at("accuracy"), 0.3);
    EXPECT_FALSE(trial.untrained);
  }
  EXPECT_TRUE(result.reproducible);
  EXPECT_FALSE(result.best.empty());
}

TEST(StudyLoop, GivesTheSameResultsForEveryNumberOfJobs) {
  Fixture one(trained_search(kBrute));
  const StudyResult first = one.run();
  for (const int jobs : {2, 5}) {
    Fixture many(trained_search(kBrute));
    many.settings.n_jobs = jobs;
    const StudyResult other = many.run();
    ASSERT_EQ(first.trials.size(), other.trials.size());
    for (std::size_t i = 0; i < first.trials.size(); ++i) {
      EXPECT_EQ(first.trials[i].assignment, other.trials[i].assignment);
      EXPECT_EQ(first.trials[i].values, other.trials[i].values);
      EXPECT_EQ(first.trials[i].key, other.trials[i].key);
    }
    EXPECT_EQ(first.best, other.best);
  }
}

TEST(StudyLoop, GivesTheSameTpeStudyForEveryNumberOfJobs) {
  const char* const tpe =
      "n_trials = 6\nn_jobs = 1\nlag = 2\nsampler = \"tpe\"\nsampler_options = { n_startup_trials = 2 }\n";
  Fixture one(trained_search(tpe));
  const StudyResult first = one.run();
  Fixture two(trained_search(tpe));
  two.settings.n_jobs = 2;
  const StudyResult other = two.run();
  ASSERT_EQ(first.trials.size(), other.trials.size());
  for (std::size_t i = 0; i < first.trials.size(); ++i)
    EXPECT_EQ(first.trials[i].assignment, other.trials[i].assignment);
}

TEST(StudyLoop, GivesTheSameResultsInReverseOrder) {
  Fixture forward(trained_search(kBrute)), backward(trained_search(kBrute));
  std::vector<space::Assignment> points = all_points();
  const StudyResult first = forward.run(std::make_unique<ListSampler>(points));
  std::reverse(points.begin(), points.end());
  const StudyResult other = backward.run(std::make_unique<ListSampler>(points));
  EXPECT_EQ(outcomes(first), outcomes(other));
  EXPECT_EQ(best_assignments(first), best_assignments(other));
}

TEST(StudyLoop, TellsExactlyTheTrialsOfTheLag) {
  Fixture fixture(trained_search("n_trials = 6\nn_jobs = 3\nlag = 3\n"));
  auto owned = std::make_unique<ListSampler>(all_points());
  ListSampler& list = *owned;
  fixture.settings.n_trials = 7;
  const auto storage = storage::open_memory();
  StudyLoop loop(fixture.settings, fixture.space, fixture.evaluator, std::move(owned), *storage,
                 fixture.open(*storage));
  loop.run(fixture.stop);
  ASSERT_GE(list.asked_after.size(), 7u);  // the end of the list may be asked for more than once
  list.asked_after.resize(7);
  EXPECT_EQ(list.asked_after, (std::vector<std::size_t>{0, 0, 0, 1, 2, 3, 4}));
  EXPECT_TRUE(std::is_sorted(list.told.begin(), list.told.end()));
}

TEST(StudyLoop, EvaluatesEqualCandidatesOnce) {
  Fixture fixture(trained_search("n_trials = 4\nn_jobs = 2\n"));
  const StudyResult result =
      fixture.run(std::make_unique<ListSampler>(std::vector<space::Assignment>{{1, 0}, {1, 0}, {1, 1}, {1, 0}}));
  ASSERT_EQ(result.trials.size(), 4u);
  EXPECT_EQ(result.trials[0].evaluation, result.trials[1].evaluation);
  EXPECT_EQ(result.trials[0].evaluation, result.trials[3].evaluation);
  EXPECT_NE(result.trials[0].evaluation, result.trials[2].evaluation);
  EXPECT_FALSE(result.trials[0].duplicate_of);
  EXPECT_EQ(result.trials[1].duplicate_of, 0);
  EXPECT_EQ(result.trials[3].duplicate_of, 0);
}

TEST(StudyLoop, RecordsFailingTrialsAndGoesOn) {
  Fixture fixture(trained_search(kBrute));
  fixture.settings.trial_memory_bytes = 1;
  const StudyResult result = fixture.run();
  ASSERT_EQ(result.trials.size(), 6u);
  for (const Trial& trial : result.trials) {
    EXPECT_EQ(trial.state, TrialState::kFail);
    EXPECT_NE(trial.reason.find("trial_memory is 0 kB"), std::string::npos) << trial.reason;
    EXPECT_TRUE(trial.values.empty());
  }
  EXPECT_TRUE(result.best.empty());
}

TEST(StudyLoop, RecordsDivergence) {
  Fixture fixture(trained_search(kBrute));
  fixture.settings.train->settings.learning_rate = 1e38;
  fixture.settings.train->settings.optimizer.name = "sgd";
  trial::Evaluator evaluator(fixture.settings, fixture.space, small_dataset(), fixture.backends, nullptr);
  const auto storage = storage::open_memory();
  const StudyResult result =
      StudyLoop(fixture.settings, fixture.space, evaluator, fixture.make_sampler(), *storage, fixture.open(*storage))
          .run(fixture.stop);
  ASSERT_FALSE(result.trials.empty());
  EXPECT_EQ(result.trials[0].state, TrialState::kFail);
  EXPECT_NE(result.trials[0].reason.find("diverged"), std::string::npos) << result.trials[0].reason;
}

TEST(StudyLoop, KeepsTheWeightsOfTheBestAlone) {
  Fixture fixture(trained_search(kBrute));
  const StudyResult result = fixture.run();
  ASSERT_LT(result.best.size(), result.trials.size());
  for (std::size_t i = 0; i < result.trials.size(); ++i) {
    const bool best = std::find(result.best.begin(), result.best.end(), i) != result.best.end();
    EXPECT_EQ(result.trials[i].evaluation->state != nullptr, best) << i;
  }
}

TEST(StudyLoop, ReportsATrialThatRanOutOfTime) {
  Fixture fixture(trained_search(kBrute));
  fixture.settings.trial_timeout_seconds = 1e-9;
  const StudyResult result = fixture.run();
  EXPECT_EQ(result.trials.at(0).state, TrialState::kFail);
  EXPECT_NE(result.trials[0].reason.find("trial_timeout"), std::string::npos) << result.trials[0].reason;
  EXPECT_FALSE(result.reproducible);
}

TEST(StudyLoop, StopsWhenAsked) {
  Fixture fixture(trained_search(kBrute));
  fixture.stop.request();
  const StudyResult result = fixture.run();
  EXPECT_EQ(result.end, StudyEnd::kInterrupted);
  EXPECT_TRUE(result.trials.empty());
}

TEST(StudyLoop, LeavesTheBaseGraphAlone) {
  Fixture fixture(trained_search(kBrute));
  const ir::Graph before = fixture.space.base();
  for (int i = 0; i < 1000; ++i) fixture.space.decode({double(i % 3), double(i % 2)});
  fixture.run();
  EXPECT_EQ(before, fixture.space.base());
}

TEST(RunFinal, ScoresTheBestWithSeveralSeeds) {
  Fixture fixture(trained_search(std::string(kBrute) + "[search.final]\nseeds = 3\ntop = 2\n"));
  const StudyResult result = fixture.run();
  const auto first = run_final(fixture.settings, fixture.evaluator, result, fixture.stop);
  ASSERT_LE(first.size(), 2u);
  ASSERT_FALSE(first.empty());
  EXPECT_EQ(first[0].scores.size(), 3u);
  EXPECT_GT(first[0].standard_error, 0);
  fixture.settings.n_jobs = 2;
  const auto second = run_final(fixture.settings, fixture.evaluator, result, fixture.stop);
  EXPECT_EQ(first[0].scores, second[0].scores);
}

TEST(BestTrials, BreaksTiesByTheLowerNumber) {
  std::vector<Trial> trials(4);
  for (std::size_t i = 0; i < trials.size(); ++i) {
    trials[i].number = static_cast<std::int64_t>(i);
    trials[i].state = TrialState::kComplete;
    trials[i].values = {1.0};
    trials[i].assignment = {3.0 - static_cast<double>(i)};
  }
  trials[0].values = {0.5};
  EXPECT_EQ(best_trials(trials, {Direction::kMaximize}), (std::vector<std::size_t>{1}));
}

// Counts the trials whose weights are in memory or handed over, after each trial: not more for many ties than for few.
struct WeightsMeanwhile {
  std::vector<std::weak_ptr<const trial::Evaluation>> evaluations;
  std::set<std::int64_t> stored;
  std::size_t most = 0;

  WeightStore store() {
    return {.save = [this](const Trial& trial) { stored.insert(trial.number); },
            .drop = [this](std::int64_t number) { stored.erase(number); }};
  }
  void look(const Trial& trial) {
    evaluations.push_back(trial.evaluation);
    std::size_t kept = stored.size();
    for (const auto& each : evaluations) {
      const auto evaluation = each.lock();
      kept += evaluation && evaluation->state ? 1 : 0;
    }
    most = std::max(most, kept);
  }
};

// A search whose trials are all different candidates of equal value.
std::string tied_search(const std::string& metrics, const std::string& setup) {
  return R"(
batch_size = 32
[search.search_space]
name = "graph/quantize/mixed_precision_ptq"
[search.search_space.training]
learning_rate = { low = 1e-4, high = 1e-2, log = true }
[search.strategy]
eval_mode = false
[search.strategy.sw_runner.basic_train]
num_samples = 32
optimizer = "adam"
[search.strategy.metrics]
)" + metrics +
         "\n[search.strategy.setup]\nn_trials = 200\nsampler = \"random\"\n" + setup;
}

StudyResult run_tied(const std::string& metrics, const std::string& setup, WeightsMeanwhile& weights) {
  Fixture fixture(tied_search(metrics, setup));
  const auto storage = storage::open_memory();
  StudyLoop loop(fixture.settings, fixture.space, fixture.evaluator, fixture.make_sampler(), *storage,
                 fixture.open(*storage));
  loop.keep_weights_in(weights.store());
  return loop.run(fixture.stop, [&](const Trial& trial, std::size_t, std::optional<std::int64_t> best) {
    EXPECT_LE(best.value_or(0), 3);  // of those that end side by side the first may come last
    weights.look(trial);
  });
}

TEST(StudyLoop, KeepsTheWeightsOfOneOfManyTies) {
  WeightsMeanwhile weights;
  const StudyResult result = run_tied("flops = { scale = 1.0, direction = \"minimize\" }", "n_jobs = 3\n", weights);
  ASSERT_EQ(result.trials.size(), 200u);
  EXPECT_EQ(result.best, (std::vector<std::size_t>{0}));
  EXPECT_LE(weights.most, 2u);  // the best, and the one that has just ended
  for (std::size_t i = 0; i < result.trials.size(); ++i) {
    EXPECT_EQ(result.trials[i].evaluation->state != nullptr, i == 0) << i;
  }
}

TEST(StudyLoop, KeepsTheWeightsOfOneOfManyTiesInSeveralObjectives) {
  WeightsMeanwhile weights;
  const StudyResult result =
      run_tied("flops = { scale = 1.0, direction = \"minimize\" }\nbitops = { scale = 1.0, direction = \"minimize\" }",
               "n_jobs = 1\nkeep_best = 3\n", weights);
  ASSERT_EQ(result.trials.size(), 200u);
  EXPECT_EQ(result.best.size(), 200u);  // as Optuna's best_trials
  EXPECT_LE(weights.most, 4u);
  for (std::size_t i = 0; i < result.trials.size(); ++i) {
    EXPECT_EQ(result.trials[i].evaluation->state != nullptr, i < 3) << i;
  }
}

}  // namespace
}  // namespace lathe::study
