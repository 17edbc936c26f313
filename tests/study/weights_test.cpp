#include <gtest/gtest.h>

#include <filesystem>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "lathe/trial/base_weights.h"
#include "program.h"
#include "study/fixture.h"

// Candidates that begin from a trained base network, and whose weights are kept.
namespace lathe::study {
namespace {

// Widths alone, whole and doubled, so that a candidate can compute what the base does.
std::string width_search(const std::string& general, bool trains) {
  return general + R"(
batch_size = 32
[search.search_space]
name = "graph/quantize/channel_size_modifier"
[search.search_space.seed.default.config]
name = ["NA"]
[search.search_space.seed.seq_blocks_0.config]
name = ["output_only"]
channel_multiplier = [0.5, 1, 2]
[search.strategy]
)" +
         (trains ? "eval_mode = false\n[search.strategy.sw_runner.basic_train]\nmax_epochs = 3\nlearning_rate = "
                   "1e-2\noptimizer = \"adam\"\n"
                 : "eval_mode = true\n") +
         R"(
[search.strategy.metrics]
accuracy = { scale = 1.0, direction = "maximize" }
[search.strategy.setup]
n_trials = 3
sampler = "brute_force"
)";
}

TEST(StartingWeights, FreshKeysAreWhatTheyWere) {
  Fixture fixture(width_search("", true));
  Fixture same(width_search("weights = \"fresh\"\nthreads = 1\ntrainer_precision = 32\n", true));
  Fixture threads(width_search("threads = 2\n", true));  // dense uses one
  const Digest key = fixture.evaluator.prepare({1}).key;
  EXPECT_EQ(same.evaluator.prepare({1}).key, key);
  EXPECT_EQ(threads.evaluator.prepare({1}).key, key);
  EXPECT_EQ(fixture.evaluator.weights().text(), "fresh seed=0");
  EXPECT_FALSE(fixture.evaluator.weights().needs_base());
}

TEST(StartingWeights, TrainTheBaseOnceAndKeepIt) {
  const testing::TemporaryFolder folder;
  Fixture fixture(width_search("weights = \"inherit\"\n", true));
  ASSERT_TRUE(fixture.evaluator.weights().needs_base());
  const auto base = trial::train_base_weights(fixture.evaluator, folder.path(), fixture.stop);
  ASSERT_NE(base, nullptr);
  log::Capture capture;
  const auto again = trial::train_base_weights(fixture.evaluator, folder.path(), fixture.stop);
  EXPECT_EQ(*again, *base);
  EXPECT_EQ(capture.text().find("Training the base"), std::string::npos) << capture.text();
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    write_text_file_atomically(entry.path(), "damaged");
  }
  EXPECT_EQ(*trial::train_base_weights(fixture.evaluator, folder.path(), fixture.stop), *base);
  EXPECT_NE(capture.text().find("trained anew"), std::string::npos) << capture.text();
}

TEST(StartingWeights, ArePartOfTheKey) {
  Fixture fresh(width_search("", true)), inherit(width_search("weights = \"inherit\"\n", true)),
      wider(width_search("weights = \"net2wider\"\n", true));
  const auto base = trial::train_base_weights(inherit.evaluator, {}, inherit.stop);
  inherit.evaluator.weights().start_from(base);
  wider.evaluator.weights().start_from(base);
  EXPECT_NE(inherit.evaluator.prepare({1}).key, fresh.evaluator.prepare({1}).key);
  EXPECT_NE(inherit.evaluator.prepare({1}).key, wider.evaluator.prepare({1}).key);
  EXPECT_EQ(wider.evaluator.weights().text(), "net2wider " + engine::hash_state(*base).to_hex());
}

TEST(StartingWeights, MakeAnEvaluationOfWidthsMeanSomething) {
  Fixture trained(width_search("weights = \"inherit\"\n", true));
  const trial::Prepared base = trained.evaluator.preparer().base();
  const trial::Evaluation of_base = trained.evaluator.evaluate(base, 0, trained.stop);
  ASSERT_TRUE(of_base.complete);
  EXPECT_GT(of_base.metrics.at("accuracy"), 0.6);

  Fixture evaluated(width_search("weights = \"net2wider\"\n", false));
  evaluated.evaluator.weights().start_from(of_base.state);
  EXPECT_TRUE(
      evaluated.evaluator.weights().untrained_tensors(evaluated.evaluator.prepare({2}).candidate.graph).empty());
  const auto accuracy = [&](double code) {
    return evaluated.evaluator.evaluate(evaluated.evaluator.prepare({code}), 0, evaluated.stop).metrics.at("accuracy");
  };
  EXPECT_EQ(accuracy(1), of_base.metrics.at("accuracy"));
  EXPECT_EQ(accuracy(2), of_base.metrics.at("accuracy"));  // the same function, twice as wide
  EXPECT_GT(accuracy(0), 0.3);
}

TEST(RankedTrials, GoFrontAfterFrontAndSkipEqualCandidates) {
  const auto trial = [](std::int64_t number, std::vector<double> values, const std::string& key) {
    Hasher hasher;
    hasher.add_text(key);
    Trial made;
    made.number = number;
    made.state = TrialState::kComplete;
    made.values = std::move(values);
    made.key = hasher.finish();
    return made;
  };
  std::vector<Trial> trials{trial(0, {1, 1}, "a"), trial(1, {3, 3}, "b"), trial(2, {4, 2}, "c"), trial(3, {3, 3}, "b"),
                            trial(4, {2, 2}, "d")};
  trials.emplace_back();
  trials.back().number = 5;
  trials.back().state = TrialState::kFail;
  std::vector<const Trial*> pointers;
  for (const Trial& each : trials) pointers.push_back(&each);
  const std::vector<Direction> both{Direction::kMaximize, Direction::kMaximize};
  EXPECT_EQ(ranked_trials(pointers, both, 10), (std::vector<std::size_t>{1, 2, 4, 0}));
  EXPECT_EQ(ranked_trials(pointers, both, 3), (std::vector<std::size_t>{1, 2, 4}));
  EXPECT_TRUE(ranked_trials(pointers, both, 0).empty());
}

TEST(KeptWeights, AreThoseOfTheFirstOfEquals) {
  std::vector<Trial> trials;
  const std::vector<std::vector<double>> values{{1, 2}, {2, 1}, {1, 2}, {2, 1}, {0, 0}};
  for (std::size_t i = 0; i < values.size(); ++i) {
    Trial trial;
    trial.number = static_cast<std::int64_t>(i);
    trial.state = TrialState::kComplete;
    trial.values = values[i];
    trials.push_back(trial);
  }
  std::vector<const Trial*> pointers;
  for (const Trial& each : trials) pointers.push_back(&each);
  const std::vector<Direction> both{Direction::kMaximize, Direction::kMaximize};
  const std::vector<std::size_t> front{3, 2, 1, 0};
  EXPECT_EQ(trials_with_weights(pointers, front, both, std::nullopt), (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(trials_with_weights(pointers, front, both, 3), (std::vector<std::size_t>{0, 1, 2}));
  trials[2].standing = storage::Standing();  // a race told them apart
  trials[2].standing->means = {1.5, 2};
  EXPECT_EQ(trials_with_weights(pointers, front, both, std::nullopt), (std::vector<std::size_t>{0, 1, 2}));
}

TEST(KeptWeights, AreThoseOfTheBestSoMany) {
  Fixture fixture(trained_search("n_trials = 6\nsampler = \"brute_force\"\nkeep_best = 4\n"));
  const StudyResult result = fixture.run();
  ASSERT_EQ(fixture.settings.keep_best, 4);
  const std::vector<std::size_t> kept = trials_to_keep(result, fixture.settings);
  EXPECT_GE(kept.size(), 4u);
  const std::set<std::size_t> numbers(kept.begin(), kept.end());
  for (const std::size_t index : result.best) EXPECT_TRUE(numbers.contains(index));
  std::size_t in_memory = 0;
  for (const Trial& each : result.trials) in_memory += each.evaluation->state != nullptr ? 1 : 0;
  EXPECT_EQ(in_memory, kept.size());
}

}  // namespace
}  // namespace lathe::study
