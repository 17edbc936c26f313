#include "lathe/study/compare/compare.h"

#include <gtest/gtest.h>

#include <cmath>

#include "lathe/study/compare/compare_run.h"
#include "study/fixture.h"

namespace lathe::study {
namespace {

const double kNone = std::nan("");
constexpr Direction kUp = Direction::kMaximize, kDown = Direction::kMinimize;

void expect_curve(const std::vector<double>& curve, const std::vector<double>& expected) {
  ASSERT_EQ(curve.size(), expected.size());
  for (std::size_t i = 0; i < curve.size(); ++i) {
    if (std::isnan(expected[i]))
      EXPECT_TRUE(std::isnan(curve[i])) << i;
    else
      EXPECT_DOUBLE_EQ(curve[i], expected[i]) << i;
  }
}

TEST(Compare, FollowsTheBestValueOfFeasibleTrials) {
  const RunValues run{{}, {0.5}, {0.4}, {}, {0.7}, {0.6}};
  expect_curve(best_so_far(run, kUp), {kNone, 0.5, 0.5, 0.5, 0.7, 0.7});
  expect_curve(best_so_far(run, kDown), {kNone, 0.5, 0.4, 0.4, 0.4, 0.4});
  EXPECT_TRUE(best_so_far({}, kUp).empty());
}

TEST(Compare, MeasuresHypervolumeFromTheWorstValues) {
  // Accuracy up, size down. From (0.2, 10): (0.6, 10) adds nothing, (0.5, 4) adds 0.3 x 6, (0.7, 8) adds 0.2 x 2.
  const std::vector<Direction> directions{kUp, kDown};
  const RunValues first{{0.6, 10}, {0.5, 4}, {}, {0.7, 8}, {0.4, 5}};
  const RunValues second{{0.2, 6}};
  const std::vector<double> worst = hypervolume_reference({first, second}, directions);
  EXPECT_EQ(worst, (std::vector<double>{0.2, 10}));
  const std::vector<double> curve = hypervolume_so_far(first, directions, worst);
  const std::vector<double> expected{0, 1.8, 1.8, 2.2, 2.2};
  ASSERT_EQ(curve.size(), expected.size());
  for (std::size_t i = 0; i < curve.size(); ++i) EXPECT_NEAR(curve[i], expected[i], 1e-12) << i;
  EXPECT_TRUE(hypervolume_reference({RunValues{}, RunValues{{}}}, directions).empty());
}

TEST(Compare, AnObjectiveThatNeverVariesDoesNotEraseTheOthers) {
  const RunValues run{{0.5, 4}, {0.7, 4}};
  const std::vector<double> reference = hypervolume_reference({run}, {kUp, kDown});
  EXPECT_EQ(reference, (std::vector<double>{0.5, 5}));
  EXPECT_NEAR(hypervolume_so_far(run, {kUp, kDown}, reference).back(), 0.2, 1e-12);
}

TEST(Compare, TellsRepeatedPointsFromRepeatedCandidates) {
  Digest one, two;
  one.bytes[0] = 1;
  two.bytes[0] = 2;
  const std::vector<parameter::Assignment> points{{0, 0}, {0, 1}, {1, 0}, {0, 0}, {1, 1}, {1, 2}, {1, 1}};
  const std::vector<Digest> keys{one, two, one, one, {}, {}, {}};
  using enum Repeat;
  EXPECT_EQ(find_repeats(points, keys), (std::vector<Repeat>{kNone, kNone, kCandidate, kPoint, kNone, kNone, kPoint}));
}

TEST(Compare, ComputesMeanAndStandardError) {
  const MeanAndError both = mean_and_error({1, 2, 6});  // variance 7
  EXPECT_DOUBLE_EQ(both.mean, 3);
  EXPECT_DOUBLE_EQ(both.standard_error, std::sqrt(7.0 / 3));
  EXPECT_EQ(mean_and_error({4}).standard_error, 0);
  EXPECT_EQ(mean_and_error({0.1, 0.1, 0.1}).standard_error, 0);
  EXPECT_TRUE(std::isnan(mean_and_error({}).mean));
}

TEST(Compare, BandKeepsTheLastValueOfRunsThatEndEarly) {
  const Band band = band_of({{1, 3}, {kNone, 5, 9}}, 4);
  expect_curve(band.mean, {kNone, 4, 6, 6});
  expect_curve(band.standard_error, {kNone, 1, 3, 3});
  // A quarter of the resamples holds one curve alone: the interval is the range of the curves.
  expect_curve(band.low, {kNone, 3, 3, 3});
  expect_curve(band.high, {kNone, 5, 9, 9});
  expect_curve(band_of({{1, 2}}, 2).low, {1, 2});
  expect_curve(band_of({}, 1).mean, {kNone});
}

TEST(Compare, BootstrapAgreesWithTheNormalIntervalOfManyCurves) {
  std::vector<std::vector<double>> curves;
  for (int i = 0; i < 200; ++i) curves.push_back({double(i % 20)});
  const Band band = band_of(curves, 1);
  EXPECT_NEAR(band.low[0], band.mean[0] - 1.96 * band.standard_error[0], 0.1);
  EXPECT_NEAR(band.high[0], band.mean[0] + 1.96 * band.standard_error[0], 0.1);
  expect_curve(band_of(curves, 1).low, band.low);
}

TEST(Compare, TargetCoversTheWayFromTheStartWhateverTheSign) {
  EXPECT_NEAR(target_value(0.5, 0.7), 0.698, 1e-12);
  EXPECT_NEAR(target_value(-0.5, -0.7), -0.698, 1e-12);
  EXPECT_NEAR(target_value(100.5, 100.7), 100.698, 1e-12);
  EXPECT_EQ(target_value(3, 3), 3);
}

TEST(Compare, CountsTrialsToTheTarget) {
  EXPECT_EQ(trials_to_reach({kNone, 0.5, 0.69, 0.7}, 0.698, kUp), 4);
  EXPECT_EQ(trials_to_reach({5, 3, 3, 2}, 3, kDown), 2);
  EXPECT_EQ(trials_to_reach({5, 4}, 3, kDown), std::nullopt);
  EXPECT_EQ(trials_to_reach({0.1 + 0.2}, 0.3, kDown), 1);  // rounding does not count
  EXPECT_EQ(trials_to_reach({}, 0, kUp), std::nullopt);
  EXPECT_EQ(first_value({kNone, 2, 3}), 2);
  EXPECT_EQ(first_value({kNone}), std::nullopt);
}

TEST(Compare, RunsThatMissTheTargetCountAsLatest) {
  EXPECT_EQ(summarise_reach({9, 3, std::nullopt}).median, 9);
  EXPECT_EQ(summarise_reach({9, 3, std::nullopt}).reached, 2);
  EXPECT_EQ(summarise_reach({3, 9, 4, std::nullopt}).median, 6.5);
  EXPECT_EQ(summarise_reach({3, std::nullopt}).median, std::nullopt);
  EXPECT_EQ(summarise_reach({}).median, std::nullopt);
}

// Proposes numbers in turn and notes what happens.
class Recorder : public sampler::Sampler {
 public:
  explicit Recorder(std::int64_t points) : points_(points) {}
  std::optional<space::Assignment> ask(std::int64_t number) override {
    log += "a" + std::to_string(number);
    if (number == points_) return std::nullopt;
    return space::Assignment{double(number % 3)};
  }
  void announce(std::int64_t number, const space::Assignment&) override { log += "n" + std::to_string(number); }
  void tell(const sampler::FinishedTrial& trial) override {
    log += "t" + std::to_string(trial.number);
    told.push_back(trial);
  }

  std::string log;
  std::vector<sampler::FinishedTrial> told;

 private:
  std::int64_t points_;
};

SharedOutcome outcome_at(const space::Assignment& point) {
  if (point[0] == 2) return std::make_shared<const Outcome>(Outcome{.reason = "diverged", .seconds = 5});
  Digest key;
  key.bytes[0] = static_cast<std::uint8_t>(point[0] + 1);
  return std::make_shared<const Outcome>(
      Outcome{.state = TrialState::kComplete, .values = {point[0]}, .key = key, .seconds = 1});
}

TEST(CompareRun, TellsUpToTheLag) {
  Recorder sampler(10);
  engine::StopToken stop;
  int ended = 0;
  const ComparedRun run = run_sampler(sampler, 5, 3, outcome_at, stop, [&] { ++ended; });
  EXPECT_EQ(sampler.log, "a0n0a1n1a2n2t0a3n3t1a4n4");
  EXPECT_EQ(ended, 5);
  EXPECT_TRUE(run.complete);
  EXPECT_EQ(run.evaluation_seconds(), 1 + 1 + 5 + 1 + 1);
  EXPECT_EQ(run.values(), (RunValues{{0}, {1}, {}, {0}, {1}}));
  EXPECT_EQ(run.repeats()[3], Repeat::kPoint);
  EXPECT_GE(run.sampler_seconds, 0);
}

TEST(CompareRun, EndsWithTheSpaceAndWithTheUser) {
  Recorder sampler(2);
  engine::StopToken stop;
  const ComparedRun run = run_sampler(sampler, 5, 1, outcome_at, stop);
  EXPECT_EQ(sampler.log, "a0n0t0a1n1t1a2");
  EXPECT_EQ(run.trials.size(), 2u);
  EXPECT_TRUE(run.complete);
  stop.request();
  Recorder other(10);
  EXPECT_FALSE(run_sampler(other, 5, 1, outcome_at, stop).complete);
}

TEST(CompareRun, TellsFailuresAsFailures) {
  Recorder sampler(10);
  engine::StopToken stop;
  run_sampler(sampler, 4, 1, outcome_at, stop);
  ASSERT_EQ(sampler.told.size(), 3u);
  EXPECT_EQ(sampler.told[1].state, TrialState::kComplete);
  EXPECT_EQ(sampler.told[2].state, TrialState::kFail);
  EXPECT_TRUE(sampler.told[2].values.empty());
}

TEST(CompareRun, EvaluatesEveryCandidateOnceAndAsTheSearchDoes) {
  Fixture fixture(trained_search("n_trials = 6\nn_jobs = 1\nsampler = \"brute_force\"\n"));
  CachedObjective objective(fixture.settings, fixture.evaluator);
  const StudyResult searched = fixture.run();
  ASSERT_EQ(searched.trials.size(), 6u);
  for (int pass = 0; pass < 2; ++pass) {
    for (const Trial& trial : searched.trials) {
      const SharedOutcome outcome = objective.evaluate(trial.assignment, fixture.stop);
      EXPECT_EQ(outcome->values, trial.values);
      EXPECT_EQ(outcome->key, trial.key);
      EXPECT_GT(outcome->seconds, 0);
    }
    EXPECT_EQ(objective.candidates(), 6);
  }
}

}  // namespace
}  // namespace lathe::study
