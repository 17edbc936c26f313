// What samplers make of points that fail: promises that every listed sampler keeps.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "lathe/sampler/failed_region.h"
#include "sampler/trial_sequence.h"

namespace lathe::sampler {
namespace {

constexpr std::int64_t kTrials = 100;
constexpr std::int64_t kLag = 4;

SamplerSettings settings(const std::string& name, std::uint64_t seed, parameter::Space space,
                         std::size_t objectives = 1) {
  return {.name = name,
          .seed = seed,
          .space = std::move(space),
          .directions = std::vector(objectives, Direction::kMinimize),
          .n_trials = kTrials};
}

parameter::Space flat_space() {
  std::vector<parameter::Parameter> parameters{{"rate", parameter::Integer{.low = 0, .high = 31}}};
  for (const char* name : {"a", "b", "c", "d"}) {
    parameters.push_back({name, parameter::Categorical{{std::int64_t{1}, std::int64_t{2}, std::int64_t{4}}}});
  }
  return parameter::Space(std::move(parameters));
}

/// Half of the points fail: those of large rates.
std::vector<double> fails_at_large_rates(const Assignment& point) {
  if (point[0] > 15) return {};
  return {(31 - point[0]) / 31 + 0.1 * (point[1] + point[2]) + 0.05 * (point[3] - point[4])};
}

std::vector<double> two_that_fail_at_large_rates(const Assignment& point) {
  const std::vector<double> one = fails_at_large_rates(point);
  return one.empty() ? one : std::vector<double>{one[0], point[0] + point[4]};
}

/// A rate, an operation, and what stands under that.
parameter::Space nested_space() {
  return parameter::Space({{"op", parameter::Categorical{{std::string("conv"), std::string("pool")}}},
                           {"rate", parameter::Integer{.low = 0, .high = 15}},
                           {"kernel", parameter::Integer{.low = 1, .high = 12}, parameter::Condition{0, {true, false}}},
                           {"groups", parameter::Integer{.low = 1, .high = 6},
                            parameter::Condition{2, std::vector<bool>{true, true, true, true, true, true, true, true,
                                                                      true, true, true, true}}},
                           {"size", parameter::Integer{.low = 1, .high = 24}, parameter::Condition{0, {false, true}}}});
}

/// Half of the points fail: large kernels under conv, large sizes under pool.
std::vector<double> fails_under_conditions(const Assignment& point) {
  const bool conv = point[0] == 0;
  if (conv ? point[2] > 5 : point[4] > 11) return {};
  return {(15 - point[1]) / 15 + (conv ? point[2] * 0.02 : 0.5 - point[4] * 0.02)};
}

std::int64_t failures(const std::vector<FinishedTrial>& trials, std::size_t from) {
  return std::count_if(trials.begin() + static_cast<std::ptrdiff_t>(from), trials.end(),
                       [](const FinishedTrial& trial) { return trial.state == TrialState::kFail; });
}

/// Tells whether what a sampler proposes depends on what it is told. Others cannot learn from failures either.
bool is_adaptive(const std::string& name) {
  const auto trace = [&](double sign) {
    auto sampler = make_sampler(settings(name, 1, flat_space()));
    return assignments(run_trials(
        *sampler, [sign](const Assignment& point) { return std::vector<double>{sign * point[0]}; }, kTrials, kLag));
  };
  return trace(1) != trace(-1);
}

class FailedPoints : public testing::TestWithParam<std::string> {
 protected:
  std::vector<FinishedTrial> run(std::uint64_t seed, const parameter::Space& space, const Objective& objective,
                                 std::size_t objectives = 1, std::int64_t count = kTrials) const {
    auto sampler = make_sampler(settings(GetParam(), seed, space, objectives));
    return run_failing(*sampler, objective, count, kLag);
  }

  /// Of the trials from 50 on of four seeds: how many fail.
  double late_share(const parameter::Space& space, const Objective& objective, std::size_t objectives = 1) const {
    std::int64_t failed = 0;
    for (std::uint64_t seed = 0; seed < 4; ++seed) failed += failures(run(seed, space, objective, objectives), 50);
    return static_cast<double>(failed) / (4 * 50);
  }
};
INSTANTIATE_TEST_SUITE_P(Builtin, FailedPoints, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const SamplerKind& kind : sampler_kinds()) names.push_back(kind.name);
                           return names;
                         }()),
                         [](const auto& instance) { return instance.param; });

TEST_P(FailedPoints, AreProposedLess) {
  if (!is_adaptive(GetParam())) return;
  EXPECT_LT(late_share(flat_space(), fails_at_large_rates), 0.42);
}

TEST_P(FailedPoints, AreProposedLessWithTwoObjectives) {
  if (!is_adaptive(GetParam())) return;
  EXPECT_LT(late_share(flat_space(), two_that_fail_at_large_rates, 2), 0.35);
}

TEST_P(FailedPoints, AreProposedLessUnderConditions) {
  if (!is_adaptive(GetParam())) return;
  EXPECT_LT(late_share(nested_space(), fails_under_conditions), 0.42);
}

TEST_P(FailedPoints, AreLeftWhereTheFirstTwentyFail) {
  if (!is_adaptive(GetParam())) return;
  std::int64_t failed = 0;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    auto sampler = make_sampler(settings(GetParam(), seed, flat_space()));
    std::map<std::int64_t, Assignment> enqueued;
    for (std::int64_t i = 0; i < 20; ++i) {
      enqueued[i] = {static_cast<double>(16 + i % 16), static_cast<double>(i % 3), static_cast<double>(i / 3 % 3),
                     static_cast<double>(i / 9), 1};
    }
    const auto trials = run_outcomes(*sampler, outcome_of(fails_at_large_rates, true), kTrials, kLag, enqueued);
    ASSERT_EQ(failures(trials, 0) - failures(trials, 20), 20);
    failed += failures(trials, 50);
  }
  EXPECT_LT(static_cast<double>(failed) / 200, 0.42);
}

TEST_P(FailedPoints, AreNeverProposedAgainAndTheSpaceEnds) {
  const auto fails = [](const Assignment&) { return std::vector<double>{}; };
  const parameter::Space small = parameter::Space::categorical({3, 4, 5});
  const auto half = [](const Assignment& point) {
    return point[1] < 2 ? std::vector<double>{} : std::vector<double>{point[0] + point[2]};
  };
  for (const Objective& objective : std::vector<Objective>{fails, half}) {
    const auto visited = assignments(run(3, small, objective, 1, 200));
    EXPECT_EQ(visited.size(), 60u);
    EXPECT_EQ(std::set<Assignment>(visited.begin(), visited.end()).size(), 60u);
  }
}

TEST_P(FailedPoints, LeaveTheTraceTheSameAfterARestart) {
  const parameter::Space space = nested_space();
  const auto trials = run(5, space, fails_under_conditions, 1, 70);
  EXPECT_EQ(assignments(run(5, space, fails_under_conditions, 1, 70)), assignments(trials));
  auto resumed = make_sampler(settings(GetParam(), 5, space));
  Replay replay(*resumed, trials, kLag);
  for (std::int64_t number = 40; number < 70; ++number) {
    replay.up_to(number);
    EXPECT_EQ(resumed->ask(number), trials[static_cast<std::size_t>(number)].assignment) << number;
  }
}

TEST_P(FailedPoints, MayBeAllThatIsKnown) {
  const auto fails = [](const Assignment&) { return std::vector<double>{}; };
  for (const std::size_t objectives : {1, 2, 4}) {
    for (const parameter::Space& space : {flat_space(), nested_space()}) {
      const auto visited = assignments(run(2, space, fails, objectives, 60));
      EXPECT_EQ(std::set<Assignment>(visited.begin(), visited.end()).size(), 60u);
    }
  }
}

TEST_P(FailedPoints, TeachOtherwiseThanFailuresOfTheMachine) {
  if (!is_adaptive(GetParam())) return;
  const auto some_fail = [](const Assignment& point) {
    return static_cast<int>(7 * point[0] + 3 * point[1] + 5 * point[2] + point[3]) % 5 == 0
               ? std::vector<double>{}
               : std::vector<double>{point[0]};
  };
  const auto trace = [&](bool told) {
    auto sampler = make_sampler(settings(GetParam(), 1, flat_space()));
    return assignments(run_outcomes(*sampler, outcome_of(some_fail, told), kTrials, kLag));
  };
  EXPECT_NE(trace(true), trace(false));
}

TEST_P(FailedPoints, LiveBesideConstraints) {
  const auto outcome = [](const Assignment& point) {
    FinishedTrial trial = outcome_of(fails_at_large_rates, true)(point);
    if (trial.point_failed) return trial;
    trial.constraints = {point[1] - 0.5};
    if (point[2] == 2) {  // ruled out by its network
      trial.state = TrialState::kPruned;
      trial.values.clear();
      trial.constraints = {1.0};
    }
    return trial;
  };
  const auto bad = [](const FinishedTrial& trial) { return trial.point_failed || total_violation(trial) > 0; };
  std::int64_t late = 0;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    auto sampler = make_sampler(settings(GetParam(), seed, flat_space()));
    const auto trials = run_outcomes(*sampler, outcome, kTrials, kLag);
    EXPECT_EQ(trials.size(), 100u);
    late += std::count_if(trials.begin() + 50, trials.end(), bad);
  }
  if (!is_adaptive(GetParam())) return;
  EXPECT_LT(static_cast<double>(late) / 200, 0.78);  // 89 % of the points
}

TEST(FailedRegion, SuspectsWhatIsNearerToFailures) {
  FailedRegion region(parameter::Space({{"x", parameter::Integer{.low = 0, .high = 10}}}));
  region.tell({.number = 0, .assignment = {2}, .values = {1}});
  EXPECT_FALSE(region.suspects({9}));
  region.tell({.number = 1, .assignment = {10}, .state = TrialState::kFail, .point_failed = true});
  EXPECT_TRUE(region.suspects({9}));
  EXPECT_FALSE(region.suspects({5}));
  region.tell({.number = 2, .assignment = {4}, .state = TrialState::kFail});  // a worker died
  EXPECT_FALSE(region.suspects({4}));
  region.tell({.number = 3, .assignment = {8}, .state = TrialState::kPruned, .reports = {{1, {3}}}});
  EXPECT_FALSE(region.suspects({7}));
}

}  // namespace
}  // namespace lathe::sampler
