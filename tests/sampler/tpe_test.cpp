#include "lathe/sampler/tpe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lathe/base/random.h"
#include "lathe/sampler/hypervolume.h"
#include "lathe/sampler/parzen.h"
#include "lathe/sampler/tpe_split.h"
#include "sampler/golden.h"
#include "sampler/trial_sequence.h"

namespace lathe::sampler {
namespace {

ParzenMixture mixture(const std::vector<Assignment>& rows, const std::vector<std::int64_t>& sizes) {
  std::vector<const Assignment*> pointers;
  for (const auto& row : rows) pointers.push_back(&row);
  return ParzenMixture(sizes, pointers, recency_weights(rows.size()));
}

TEST(ParzenMixture, EqualsOptunasDensities) {
  for (const golden::Density& density : golden::kDensities) {
    std::vector<Assignment> rows;
    for (const std::int32_t observation : density.observations) rows.push_back({static_cast<double>(observation)});
    const ParzenMixture estimate = mixture(rows, {6});
    for (std::size_t i = 0; i < density.points.size(); ++i) {
      EXPECT_NEAR(estimate.log_density({static_cast<double>(density.points[i])}), density.log_density[i], 1e-12);
      EXPECT_NEAR(std::log(estimate.marginal(0)[static_cast<std::size_t>(density.points[i])]), density.log_density[i],
                  1e-12);
    }
  }
}

TEST(ParzenMixture, JointDensityIsTheSumOverKernels) {
  const std::vector<std::int64_t> sizes{2, 3, 4};
  const std::vector<Assignment> rows{{0, 1, 3}, {1, 1, 0}, {0, 2, 3}, {0, 1, 3}};
  const ParzenMixture estimate = mixture(rows, sizes);
  const std::vector<double> weights = recency_weights(rows.size());
  const double kernels = 5;
  double total = 0;
  for (std::int32_t a = 0; a < 2; ++a) {
    for (std::int32_t b = 0; b < 3; ++b) {
      for (std::int32_t c = 0; c < 4; ++c) {
        const Assignment point{double(a), double(b), double(c)};
        double expected = weights.back() / (2.0 * 3.0 * 4.0);
        for (std::size_t i = 0; i < rows.size(); ++i) {
          double product = weights[i];
          for (std::size_t d = 0; d < 3; ++d) {
            product *= (1 / kernels + (rows[i][d] == point[d] ? 1 : 0)) / (1 + static_cast<double>(sizes[d]) / kernels);
          }
          expected += product;
        }
        EXPECT_NEAR(estimate.log_density(point), std::log(expected), 1e-12);
        total += std::exp(estimate.log_density(point));
      }
    }
  }
  EXPECT_NEAR(total, 1.0, 1e-12);
}

TEST(ParzenMixture, DrawsFollowTheDensity) {
  const ParzenMixture estimate = mixture({{0, 1}, {0, 1}, {1, 2}}, {2, 3});
  RandomStream stream(1, {0}, "test");
  std::vector<double> counts(6, 0);
  constexpr int kDraws = 60000;
  for (int i = 0; i < kDraws; ++i) {
    const auto drawn = estimate.draw(stream);
    counts[static_cast<std::size_t>(drawn[0] * 3 + drawn[1])] += 1;
  }
  for (std::int32_t code = 0; code < 6; ++code) {
    EXPECT_NEAR(counts[static_cast<std::size_t>(code)] / kDraws, std::exp(estimate.log_density({static_cast<double>(code / 3), static_cast<double>(code % 3)})),
                0.01);
  }
}

TEST(RecencyWeights, RiseForTheOldAndStayForTheNew) {
  const auto weights = recency_weights(30);
  EXPECT_NEAR(weights[29] / weights[0], 30, 1e-9);
  EXPECT_DOUBLE_EQ(weights[5], weights[30]);
  EXPECT_DOUBLE_EQ(weights[4], weights[30]);
  EXPECT_LT(weights[3], weights[4]);
  EXPECT_NEAR(std::accumulate(weights.begin(), weights.end(), 0.0), 1, 1e-12);
}

TEST(TpeSplit, SeveralObjectivesEqualOptunas) {
  for (const golden::Split& split : golden::kSplits) {
    std::vector<FinishedTrial> trials;
    for (const auto& values : split.values) {
      trials.push_back({static_cast<std::int64_t>(trials.size()), {}, TrialState::kComplete, values});
    }
    std::vector<Direction> directions(split.values.front().size(), Direction::kMinimize);
    directions.back() = Direction::kMaximize;
    const TpeSplit result = split_trials(trials, directions, split.below_count);
    EXPECT_EQ(result.below, split.below);
    EXPECT_EQ(result.above.size(), trials.size() - split.below.size());
  }
}

TEST(TpeSplit, OneObjectiveTakesTheBestAndTheOldestOfEquals) {
  std::vector<FinishedTrial> trials{{0, {}, TrialState::kComplete, {3}}, {1, {}, TrialState::kFail, {}},
                                    {2, {}, TrialState::kComplete, {5}}, {3, {}, TrialState::kPruned, {}},
                                    {4, {}, TrialState::kComplete, {5}}, {5, {}, TrialState::kComplete, {4}}};
  const auto best = split_trials(trials, {Direction::kMaximize}, 1);
  EXPECT_EQ(best.below, (std::vector<std::size_t>{2}));
  EXPECT_EQ(best.above, (std::vector<std::size_t>{0, 3, 4, 5}));
  EXPECT_EQ(split_trials(trials, {Direction::kMaximize}, 5).below, (std::vector<std::size_t>{0, 2, 3, 4, 5}));
}

TEST(TpeSplit, GoodCountFollowsOptuna) {
  EXPECT_EQ(good_count(10, 1), 1u);
  EXPECT_EQ(good_count(11, 1), 2u);
  EXPECT_EQ(good_count(1000, 1), 25u);
  EXPECT_EQ(good_count(1000, 2), 100u);
}

TEST(Hypervolume, AgreesWithInclusionExclusion) {
  EXPECT_DOUBLE_EQ(hypervolume({{1, 2}, {2, 1}}, {3, 3}), 3.0);
  EXPECT_DOUBLE_EQ(hypervolume({{1, 2}, {2, 1}, {2, 2}, {5, 0}}, {3, 3}), 3.0);
  EXPECT_DOUBLE_EQ(hypervolume({{0, 1, 1}, {1, 0, 1}, {1, 1, 0}}, {2, 2, 2}), 2 + 2 + 2 - 3 + 1);
  EXPECT_DOUBLE_EQ(hypervolume({}, {1, 1}), 0.0);
}

TEST(NonDominatedRanks, PeelsFronts) {
  EXPECT_EQ(non_dominated_ranks({{2, 2}, {1, 3}, {3, 3}, {1, 3}, {4, 4}, {2, 3}}),
            (std::vector<std::size_t>{0, 0, 2, 0, 3, 1}));
}

/// A sum of one table per parameter: what every sampler should be good at.
double separable(const Assignment& assignment) {
  double value = 0;
  for (std::size_t i = 0; i < assignment.size(); ++i) {
    RandomStream stream(99, {i, static_cast<std::uint64_t>(assignment[i])}, "table");
    value += static_cast<double>(i + 1) * stream.uniform();
  }
  return value;
}

double mean_best(const std::string& name, const config::Value* options, int seeds) {
  double sum = 0;
  for (int seed = 0; seed < seeds; ++seed) {
    auto sampler = make_sampler({.name = name,
                                 .seed = static_cast<std::uint64_t>(seed),
                                 .space = parameter::Space::categorical(std::vector<std::int64_t>(8, 6)),
                                 .directions = {Direction::kMinimize},
                                 .n_trials = 150,
                                 .options = options});
    double best = 1e9;
    const auto objective = [&](const Assignment& assignment) {
      return std::vector<double>{separable(assignment)};
    };
    for (const auto& trial : run_trials(*sampler, objective, 150, 4)) best = std::min(best, trial.values[0]);
    sum += best;
  }
  return sum / seeds;
}

TEST(Tpe, BeatsRandomOnASeparableFunction) {
  const double random = mean_best("random", nullptr, 10);
  const config::Value univariate = config::parse_text("multivariate = false\n", "study.toml");
  EXPECT_LT(mean_best("tpe", nullptr, 10), 0.85 * random);
  EXPECT_LT(mean_best("tpe", &univariate, 10), 0.85 * random);
}

TEST(Tpe, FindsTheFrontOfTwoObjectives) {
  const auto front_size = [](const std::string& name) {
    auto sampler = make_sampler({.name = name,
                                 .seed = 5,
                                 .space = parameter::Space::categorical(std::vector<std::int64_t>(6, 5)),
                                 .directions = {Direction::kMinimize, Direction::kMinimize},
                                 .n_trials = 200});
    const auto objective = [](const Assignment& point) {
      double left = 0, right = 0;
      for (const double index : point) {
        left += index * index;
        right += (4 - index) * (4 - index);
      }
      return std::vector<double>{left, right};
    };
    std::vector<Losses> values;
    for (const auto& trial : run_trials(*sampler, objective, 200, 1)) values.push_back(trial.values);
    return hypervolume(values, {100, 100});
  };
  EXPECT_GT(front_size("tpe"), front_size("random"));
}

}  // namespace
}  // namespace lathe::sampler
