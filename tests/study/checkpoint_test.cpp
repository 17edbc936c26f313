#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "program.h"
#include "study/fixture.h"

// Trainings that were cut off and go on within themselves.
namespace lathe::study {
namespace {

namespace fs = std::filesystem;

constexpr double kOften = 1e-6;

class Checkpoints : public ::testing::Test {
 protected:
  explicit Checkpoints(const std::string& text = trained_search("n_trials = 1\n")) : fixture_(text) {
    fixture_.settings.train->settings.max_epochs = 1500;
    fixture_.settings.checkpoint_interval_seconds = kOften;
  }

  std::unique_ptr<trial::Evaluator> evaluator(bool keeps = true) const {
    auto made = std::make_unique<trial::Evaluator>(fixture_.settings, fixture_.space, small_dataset(),
                                                   fixture_.backends, nullptr);
    if (keeps) made->checkpoints().keep_in(folder_.path() / "running");
    return made;
  }
  trial::Prepared prepare(trial::Evaluator& evaluator) const { return evaluator.prepare({1, 1}); }

  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    std::error_code absent;
    for (const auto& entry : fs::directory_iterator(folder_.path() / "running", absent)) {
      if (entry.path().extension() == ".safetensors") found.push_back(entry.path());
    }
    return found;
  }

  // Trains until a state of the middle is there, and stops then.
  trial::Evaluation cut_off(const trial::ReportEnd& report = {}) {
    engine::StopToken stop;
    std::thread watch([&] {
      while (files().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      stop.request();
    });
    const auto first = evaluator();
    trial::Evaluation evaluation = first->evaluate(prepare(*first), 0, stop, report);
    watch.join();
    return evaluation;
  }

  static void expect_equal(const trial::Evaluation& got, const trial::Evaluation& expected) {
    ASSERT_TRUE(got.complete) << got.reason;
    EXPECT_EQ(got.metrics, expected.metrics);
    EXPECT_EQ(*got.state, *expected.state);
  }

  Fixture fixture_;
  testing::TemporaryFolder folder_;
};

TEST_F(Checkpoints, ContinueATrainingBitForBitAndAreRemoved) {
  const auto calm = evaluator(false);
  const trial::Evaluation expected = calm->evaluate(prepare(*calm), 0, fixture_.stop);
  const trial::Evaluation cut = cut_off();
  ASSERT_TRUE(cut.interrupted) << cut.reason;
  ASSERT_EQ(files().size(), 1u);

  log::Capture capture;
  const auto second = evaluator();
  expect_equal(second->evaluate(prepare(*second), 0, fixture_.stop), expected);
  EXPECT_NE(capture.text().find("a training that was cut off goes on after step"), std::string::npos) << capture.text();
  EXPECT_TRUE(files().empty());
}

TEST_F(Checkpoints, OfDamageOrOtherCandidatesAreLeftOut) {
  const auto calm = evaluator(false);
  const trial::Evaluation expected = calm->evaluate(prepare(*calm), 0, fixture_.stop);
  cut_off();
  ASSERT_EQ(files().size(), 1u);
  const fs::path file = files().front();
  const std::string whole = read_text_file(file);
  const auto run = [&](const std::string& contents) {
    write_text_file_atomically(file, contents);
    log::Capture capture;
    const auto again = evaluator();
    expect_equal(again->evaluate(prepare(*again), 0, fixture_.stop), expected);
    EXPECT_NE(capture.text().find("the training begins anew"), std::string::npos) << capture.text();
  };
  run(whole.substr(0, whole.size() / 2));
  run("");
  std::string flipped = whole;  // a weight that is still a number
  flipped[flipped.size() - 2] = static_cast<char>(flipped[flipped.size() - 2] ^ 64);
  run(flipped);
  std::string foreign = whole;
  const std::size_t at = foreign.find("identity.key\":\"") + 15;
  ASSERT_LT(at, foreign.size());
  foreign[at] = foreign[at] == '0' ? '1' : '0';
  run(foreign);
}

TEST_F(Checkpoints, AreNotWrittenForShortTrainings) {
  fixture_.settings.checkpoint_interval_seconds = 60;
  const auto only = evaluator();
  EXPECT_TRUE(only->evaluate(prepare(*only), 0, fixture_.stop).complete);
  EXPECT_FALSE(fs::exists(folder_.path() / "running"));
}

// Returns a search of one objective, the sum, with a pruner.
std::string pruned_search() {
  std::string text = trained_search(
      "n_trials = 1\nsum_scaled_metrics = true\ndirection = \"maximize\"\n[search.strategy.pruner]\nname = "
      "\"median\"\ninterval = 100\n");
  const std::string cost = "bitops = { scale = 1.0";  // less of it is better
  return text.replace(text.find(cost), cost.size(), "bitops = { scale = -1.0");
}

class PrunedCheckpoints : public Checkpoints {
 protected:
  PrunedCheckpoints() : Checkpoints(pruned_search()) {}
};

TEST_F(PrunedCheckpoints, TellThePrunerAgainWhatItHadSeen) {
  std::vector<std::int64_t> undisturbed, told;
  const auto calm = evaluator(false);
  const trial::Evaluation expected =
      calm->evaluate(prepare(*calm), 0, fixture_.stop, [&](const sampler::Report& report) {
        undisturbed.push_back(report.step);
        return false;
      });
  cut_off([](const sampler::Report&) { return false; });
  const auto second = evaluator();
  const trial::Evaluation got =
      second->evaluate(prepare(*second), 0, fixture_.stop, [&](const sampler::Report& report) {
        told.push_back(report.step);
        return false;
      });
  expect_equal(got, expected);
  EXPECT_EQ(told, undisturbed);
  EXPECT_EQ(got.judged, expected.judged);
  ASSERT_EQ(got.reports.size(), expected.reports.size());
}

TEST_F(Checkpoints, OfATrialWithSeveralSeedsStayUntilItsLastSeed) {
  fixture_.settings.repeats = 2;
  const auto calm = evaluator(false);
  const trial::Evaluation expected = calm->evaluate_trial(prepare(*calm), fixture_.stop);
  engine::StopToken stop;
  std::thread watch([&] {
    while (files().size() < 2) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    stop.request();
  });
  const auto first = evaluator();
  EXPECT_TRUE(first->evaluate_trial(prepare(*first), stop).interrupted);
  watch.join();
  EXPECT_EQ(files().size(), 2u);
  const auto second = evaluator();
  const trial::Evaluation got = second->evaluate_trial(prepare(*second), fixture_.stop);
  EXPECT_EQ(got.metrics, expected.metrics);
  EXPECT_TRUE(files().empty());
}

}  // namespace
}  // namespace lathe::study
