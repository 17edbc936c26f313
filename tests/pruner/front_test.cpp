#include "lathe/pruner/front.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "lathe/base/error.h"
#include "lathe/base/random.h"
#include "pruner/sequence.h"

namespace lathe::pruner {
namespace {

using Curve = std::vector<std::vector<double>>;  // [epochs][objectives]

const std::vector<Direction> kAccuracyAndCost{Direction::kMaximize, Direction::kMinimize};
constexpr std::int64_t kEpochs = 10;
constexpr std::int64_t kLag = 4;

Made front_pruner(const std::string& options) {
  Made made{.options = config::parse_text(options, "study.toml"), .pruner = nullptr};
  made.pruner = make_pruner({.name = "front",
                             .study_name = "curves",
                             .directions = kAccuracyAndCost,
                             .options = &made.options,
                             .exact = {false, true}});
  return made;
}

TEST(ConformalBound, IsTheRankThatTheDefinitionSays) {
  EXPECT_EQ(conformal_bound({3, 1, 2}, 0.25), 3);  // k = ceil(4 * 0.75) = 3
  EXPECT_EQ(conformal_bound({3, 1, 2}, 0.5), 2);
  EXPECT_EQ(conformal_bound({3, 1, 2}, 0.2), std::numeric_limits<double>::infinity());  // k = ceil(3.2) > 3
  EXPECT_EQ(conformal_bound({}, 0.5), std::numeric_limits<double>::infinity());
  EXPECT_EQ(conformal_bound({1, std::nan("")}, 0.4), std::numeric_limits<double>::infinity());
  std::vector<double> many(19);
  std::iota(many.begin(), many.end(), 1.0);
  EXPECT_EQ(conformal_bound(many, 0.05), 19);  // 20 * 0.95 is 19 exactly, whatever doubles make of it
}

TEST(ConformalBound, IsMissedAsOftenAsItSays) {
  int missed = 0;
  constexpr int kDraws = 20000;
  for (int draw = 0; draw < kDraws; ++draw) {
    RandomStream stream(3, {static_cast<std::uint64_t>(draw)}, "conformal");
    std::vector<double> gains(39);
    for (double& gain : gains) gain = std::exp(stream.normal());
    missed += std::exp(stream.normal()) > conformal_bound(gains, 0.1) ? 1 : 0;
  }
  EXPECT_NEAR(missed / static_cast<double>(kDraws), 0.1, 0.01);
}

TEST(FrontPruner, CountsRungsAndTheLeastCalibration) {
  EXPECT_EQ(front_rungs(2, 2, 10), 3);  // 2, 4, 8
  EXPECT_EQ(front_rungs(2, 2, 8), 2);   // the end of a training is no rung
  EXPECT_EQ(front_rungs(3, 2, 3), 0);
  EXPECT_EQ(front_rungs(1, 1000000, std::numeric_limits<std::int64_t>::max()), 4);
  EXPECT_EQ(least_calibration(0.95, 1, 1), 19);
  EXPECT_EQ(least_calibration(0.95, 3, 1), 59);
  EXPECT_EQ(least_calibration(0.9, 2, 2), 39);
}

// 19 calibration trials, all of them gaining 0.1 from epoch 1 on; costs 10, 11, ...
std::vector<FinishedTrial> calibration_of_nineteen() {
  std::vector<FinishedTrial> history;
  for (std::int64_t i = 0; i < 19; ++i) {
    const double cost = 10.0 + static_cast<double>(i), accuracy = 0.5;
    history.push_back({.number = i,
                       .assignment = {},
                       .state = TrialState::kComplete,
                       .values = {accuracy, cost},
                       .constraints = {},
                       .reports = {{1, {accuracy - 0.1, cost}}, {2, {accuracy, cost}}}});
  }
  return history;
}

TEST(FrontPruner, DropsWhatBoundsKeepOffTheFront) {
  const Made made = front_pruner("calibration = 19\nmin_resource = 1\nreduction_factor = 2\nmax_resource = 2\n");
  const auto history = calibration_of_nineteen();
  const auto drops = [&](double accuracy, double cost) {
    const std::vector<Report> own{{1, {accuracy, cost}}};
    return made.pruner->prune(25, own, history);
  };
  EXPECT_TRUE(drops(0.39, 12));   // it may reach 0.49 at cost 12, and 0.5 at cost 10 is there
  EXPECT_FALSE(drops(0.39, 9));   // cheaper than all
  EXPECT_FALSE(drops(0.41, 12));  // may reach 0.51
  EXPECT_FALSE(drops(0.4, 10));   // may come to the same
  EXPECT_TRUE(drops(0.4, 10.5));  // the same at a higher cost is beaten
  EXPECT_TRUE(drops(std::nan(""), 9));
}

TEST(FrontPruner, WaitsForTheWholeCalibration) {
  const Made made = front_pruner("calibration = 19\nmin_resource = 1\nmax_resource = 2\n");
  auto history = calibration_of_nineteen();
  const std::vector<Report> own{{1, {0.1, 50}}};
  EXPECT_FALSE(made.pruner->prune(18, own, history));  // is one of them
  EXPECT_TRUE(made.pruner->prune(19, own, history));
  EXPECT_FALSE(made.pruner->prune(19, own, std::span(history).first(18)));
  history[4].state = TrialState::kFail;  // 18 complete ones bound nothing with 95 %
  EXPECT_FALSE(made.pruner->prune(19, own, history));
}

TEST(FrontPruner, JudgesAtRungsOnly) {
  const Made made = front_pruner("calibration = 19\nmin_resource = 2\nmax_resource = 4\n");
  auto history = calibration_of_nineteen();
  for (FinishedTrial& trial : history) trial.reports.push_back({4, trial.values});
  const std::vector<Report> own{{1, {0.1, 50}}, {2, {0.1, 50}}, {3, {0.1, 50}}, {4, {0.1, 50}}};
  EXPECT_FALSE(made.pruner->prune(30, std::span(own).first(1), history));
  EXPECT_TRUE(made.pruner->prune(30, std::span(own).first(2), history));
  EXPECT_FALSE(made.pruner->prune(30, std::span(own).first(3), history));
  EXPECT_FALSE(made.pruner->prune(30, std::span(own).first(4), history));  // the end
}

TEST(FrontPruner, IgnoresCompetitorsThatBreakAConstraint) {
  const Made made = front_pruner("calibration = 19\nmin_resource = 1\nmax_resource = 2\n");
  auto history = calibration_of_nineteen();
  for (FinishedTrial& trial : history) trial.constraints = {1.0};
  const std::vector<Report> own{{1, {0.1, 50}}};
  EXPECT_FALSE(made.pruner->prune(30, own, history));
}

// Holds a population of candidates as they would be if all were trained to their ends.
struct Population {
  std::vector<Curve> curves;
  std::vector<bool> on_front;
};

enum class Shapes { kAlike, kCrossing, kLateWinners };

// Power laws towards an accuracy that grows with the cost. Crossing: half of them learn slowly and end higher. Late
// winners: one in fifty jumps to the top after the last rung, all others learn alike.
Population population(Shapes shapes, std::size_t size, std::uint64_t seed) {
  Population population;
  std::vector<std::vector<double>> finals;
  for (std::size_t i = 0; i < size; ++i) {
    RandomStream stream(seed, {i}, "curves");
    const double cost = std::floor(std::exp(8 * stream.uniform()));
    const bool slow = shapes == Shapes::kCrossing && stream.uniform() < 0.5;
    const bool late = shapes == Shapes::kLateWinners && stream.uniform() < 0.02;
    const double end = 0.5 + 0.03 * std::log(cost) - 0.2 * stream.uniform() * stream.uniform() + (slow ? 0.02 : 0.0);
    const double rate = slow ? 0.5 : 1 + stream.uniform();
    Curve curve;
    for (std::int64_t epoch = 1; epoch <= kEpochs; ++epoch) {
      const double learnt = end - 0.3 * std::pow(static_cast<double>(epoch), -rate) + 0.003 * stream.normal();
      curve.push_back({late && epoch == kEpochs ? learnt + 0.3 : learnt, cost});
    }
    finals.push_back(curve.back());
    population.curves.push_back(std::move(curve));
  }
  population.on_front.resize(size);
  for (const std::size_t place : sampler::pareto_front(finals, kAccuracyAndCost)) population.on_front[place] = true;
  return population;
}

// Holds what a search over a population came to.
struct Tally {
  std::size_t trials = 0, front = 0, dropped = 0, wrong = 0;
  std::int64_t epochs = 0;

  double share_wrong() const { return static_cast<double>(wrong) / static_cast<double>(trials); }
  double share_of_front() const { return static_cast<double>(wrong) / static_cast<double>(front); }
  double share_trained() const { return static_cast<double>(epochs) / static_cast<double>(kEpochs * trials); }
};

// Runs trials as a study with lag 4 does: each is judged by the trials 0 .. t - 4.
void search(const Pruner& pruner, const Population& population, Tally& tally) {
  std::vector<FinishedTrial> history;
  for (std::size_t t = 0; t < population.curves.size(); ++t) {
    FinishedTrial trial{.number = static_cast<std::int64_t>(t), .assignment = {}, .state = TrialState::kComplete};
    const auto known = static_cast<std::size_t>(std::max<std::int64_t>(trial.number - kLag + 1, 0));
    for (std::int64_t epoch = 1; epoch < kEpochs && trial.state == TrialState::kComplete; ++epoch) {
      trial.reports.push_back({epoch, population.curves[t][static_cast<std::size_t>(epoch - 1)]});
      if (pruner.prune(trial.number, trial.reports, std::span(history).first(known))) trial.state = TrialState::kPruned;
    }
    const bool complete = trial.state == TrialState::kComplete;
    tally.epochs += complete ? kEpochs : trial.reports.back().step;
    tally.dropped += complete ? 0 : 1;
    tally.wrong += !complete && population.on_front[t] ? 1 : 0;
    if (complete) {
      trial.values = population.curves[t].back();
      trial.reports.push_back({kEpochs, trial.values});
    }
    history.push_back(std::move(trial));
  }
  tally.trials += population.curves.size();
  tally.front += static_cast<std::size_t>(std::count(population.on_front.begin(), population.on_front.end(), true));
}

Tally simulate(Shapes shapes, const std::string& confidence) {
  const Made made = front_pruner(
      "calibration = 64\nmin_resource = 2\nreduction_factor = 2\nmax_resource = 10\nconfidence = " + confidence + "\n");
  Tally tally;
  for (std::uint64_t seed = 0; seed < 40; ++seed) search(*made.pruner, population(shapes, 400, seed), tally);
  return tally;
}

TEST(FrontPruner, KeepsTheFrontWhereCurvesAreAlike) {
  const Tally tally = simulate(Shapes::kAlike, "0.95");
  EXPECT_LE(tally.share_of_front(), 0.05) << tally.wrong << " of " << tally.front;
  EXPECT_LT(tally.share_trained(), 0.75);
  EXPECT_GT(tally.dropped, tally.trials / 3);
}

TEST(FrontPruner, KeepsTheFrontWhereCurvesCross) {
  const Tally tally = simulate(Shapes::kCrossing, "0.95");
  EXPECT_LE(tally.share_of_front(), 0.05) << tally.wrong << " of " << tally.front;
  EXPECT_GT(tally.dropped, tally.trials / 10);
}

// What the statement promises and no more: of all trials few are dropped wrongly, while most winners may be lost where
// they are too rare to be seen in the calibration.
TEST(FrontPruner, BoundsTheShareOfAllTrialsWhateverTheCurvesAre) {
  for (const char* confidence : {"0.95", "0.8"}) {
    const Tally tally = simulate(Shapes::kLateWinners, confidence);
    EXPECT_LE(tally.share_wrong(), 1 - std::stod(confidence)) << tally.wrong << " of " << tally.trials;
  }
}

TEST(FrontPruner, DecidesFastBesideTenThousandTrials) {
  const Made made = front_pruner("calibration = 500\nmin_resource = 2\nreduction_factor = 2\nmax_resource = 10\n");
  const Population all = population(Shapes::kAlike, 10000, 1);
  Tally tally;
  search(*made.pruner, all, tally);  // every decision of a study of 10,000 trials
  EXPECT_LE(tally.share_wrong(), 0.05);
}

}  // namespace
}  // namespace lathe::pruner
