#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <numeric>
#include <set>

#include "lathe/base/error.h"
#include "lathe/base/random.h"
#include "lathe/sampler/hypervolume.h"
#include "lathe/sampler/sampler.h"
#include "lathe/sampler/tpe_groups.h"
#include "lathe/sampler/tpe_history.h"
#include "lathe/sampler/tpe_model.h"
#include "sampler/trial_sequence.h"

namespace lathe::sampler {
namespace {

using parameter::kInactive;
using parameter::Space;

/// Every kind of parameter, two of them conditional.
Space mixed_space() {
  parameter::Categorical list{{std::string("a"), std::string("b"), std::string("c")}};
  return Space({{"choice", list},
                {"depth", parameter::Integer{.low = 1, .high = 4}},
                {"width", parameter::Integer{.low = 1, .high = 1000, .log = true}},
                {"rate", parameter::Float{.low = 1e-4, .high = 1, .log = true}},
                {"drop", parameter::Float{.low = 0, .high = 0.5, .step = 0.1}},
                {"momentum", parameter::Float{.low = 0, .high = 1}, parameter::Condition{0, {true, false, true}}},
                {"kernel", parameter::Integer{.low = 1, .high = 7, .step = 2},
                 parameter::Condition{1, {false, true, true, true}}},
                {"stride", list, parameter::Condition{6, {false, true, true, true}}}});
}

double mixed_objective(const Assignment& x) {
  double value = std::abs(x[0] - 1) + std::abs(x[1] - 2) + std::abs(x[2] - 300) / 1000 + std::abs(std::log10(x[3]) + 2);
  value += std::abs(x[4] - 2) / 5;
  for (std::size_t i = 5; i < x.size(); ++i) value += x[i] == kInactive ? 0.3 : std::abs(x[i] - 0.5);
  return value;
}

config::Value options(const std::string& text) { return config::parse_text(text, "study.toml"); }

SamplerSettings settings(Space space, const config::Value* given = nullptr, std::uint64_t seed = 5,
                         std::size_t objectives = 1) {
  return {.name = "tpe",
          .seed = seed,
          .space = std::move(space),
          .directions = std::vector<Direction>(objectives, Direction::kMinimize),
          .n_trials = 100,
          .options = given};
}

const std::vector<std::string> kModes{"",
                                      "multivariate = false\n",
                                      "group = true\n",
                                      "constant_liar = false\n",
                                      "revision = \"3.1\"\n",
                                      "revision = \"3.1\"\nmultivariate = true\nconstant_liar = true\n"};

TEST(Tpe, ProposesWhatTheSpaceContains) {
  for (const std::string& mode : kModes) {
    const config::Value given = options(mode);
    const Space space = mixed_space();
    auto sampler = make_sampler(settings(space, &given));
    const auto objective = [](const Assignment& x) { return std::vector<double>{mixed_objective(x)}; };
    const auto trials = run_trials(*sampler, objective, 120, 4);
    ASSERT_EQ(trials.size(), 120u);
    for (const auto& trial : trials) EXPECT_TRUE(space.contains(trial.assignment)) << mode;
  }
}

TEST(Tpe, LearnsFromNumbersAndConditions) {
  const auto mean_best = [](const std::string& name, const config::Value* given) {
    double sum = 0;
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      SamplerSettings made = settings(mixed_space(), given, seed);
      made.name = name;
      auto sampler = make_sampler(made);
      double best = 1e9;
      const auto objective = [](const Assignment& x) { return std::vector<double>{mixed_objective(x)}; };
      for (const auto& trial : run_trials(*sampler, objective, 120, 4)) best = std::min(best, trial.values[0]);
      sum += best / 8;
    }
    return sum;
  };
  const double random = mean_best("random", nullptr);
  for (const std::string& mode : kModes) {
    const config::Value given = options(mode);
    EXPECT_LT(mean_best("tpe", &given), 0.75 * random) << mode;
  }
}

/// Feeds a fresh sampler what others know when trial `number` is asked.
std::optional<Assignment> ask_afresh(const SamplerSettings& made, const std::vector<FinishedTrial>& trials,
                                     std::int64_t number, std::int64_t lag, bool announce_late) {
  auto sampler = make_sampler(made);
  for (std::int64_t i = 0; i < number; ++i) {
    const FinishedTrial& trial = trials[static_cast<std::size_t>(i)];
    const bool told = i <= number - lag;
    if (!announce_late || !told) sampler->announce(i, trial.assignment);
    if (announce_late && told) {
      sampler->announce(i, trial.assignment);
      sampler->tell(trial);
    }
  }
  for (std::int64_t i = 0; !announce_late && i <= number - lag; ++i) sampler->tell(trials[static_cast<std::size_t>(i)]);
  return sampler->ask(number);
}

TEST(Tpe, DependsOnTheHistoryAlone) {
  for (const std::string& mode : kModes) {
    const config::Value given = options(mode);
    for (const std::size_t objectives : {1u, 2u}) {
      for (const std::int64_t lag : {1, 3, 8}) {
        const SamplerSettings made = settings(mixed_space(), &given, 5, objectives);
        auto sampler = make_sampler(made);
        const auto objective = [&](const Assignment& x) {
          if (x[1] == 0 && x[0] == 2) return std::vector<double>{};  // a failing trial
          std::vector<double> values{mixed_objective(x)};
          if (objectives == 2) values.push_back(x[2] + x[1]);
          return values;
        };
        const auto trials = run_trials(*sampler, objective, 90, lag);
        for (const std::int64_t number : {12, 40, 41, 89}) {
          const auto& expected = trials[static_cast<std::size_t>(number)].assignment;
          EXPECT_EQ(ask_afresh(made, trials, number, lag, false), expected) << mode << number;
          EXPECT_EQ(ask_afresh(made, trials, number, lag, true), expected) << mode << number;
        }
      }
    }
  }
}

TEST(Tpe, VisitsEveryPointOfAConditionalSpaceOnce) {
  const parameter::Categorical two{{std::int64_t{0}, std::int64_t{1}}};
  const Space space({{"a", two},
                     {"b", parameter::Integer{.low = 0, .high = 6}, parameter::Condition{0, {true, false}}},
                     {"c", two, parameter::Condition{1, {true, true, true, false, false, false, false}}},
                     {"d", parameter::Integer{.low = 1, .high = 3}}});
  ASSERT_EQ(space.count(), 33u);
  for (const std::string& mode : kModes) {
    const config::Value given = options(mode);
    auto sampler = make_sampler(settings(space, &given));
    const auto objective = [](const Assignment& x) { return std::vector<double>{x[3] - x[0]}; };
    const auto visited = assignments(run_trials(*sampler, objective, 100, 4));
    EXPECT_EQ(visited.size(), 33u) << mode;
    EXPECT_EQ(std::set<Assignment>(visited.begin(), visited.end()).size(), 33u);
  }
}

TEST(Tpe, LivesWithParametersOfOneValue) {
  const Space space({{"fixed", parameter::Float{.low = 2, .high = 2}},
                     {"one", parameter::Integer{.low = 3, .high = 3}},
                     {"only", parameter::Categorical{{true}}},
                     {"free", parameter::Float{.low = 0, .high = 1}}});
  for (const std::string& mode : kModes) {
    const config::Value given = options(mode);
    auto sampler = make_sampler(settings(space, &given));
    const auto objective = [](const Assignment& x) { return std::vector<double>{std::abs(x[3] - 0.3)}; };
    double best = 1;
    for (const auto& trial : run_trials(*sampler, objective, 60, 1)) {
      EXPECT_TRUE(space.contains(trial.assignment)) << mode;
      best = std::min(best, trial.values[0]);
    }
    EXPECT_LT(best, 0.02) << mode;
  }
}

TEST(Tpe, StartsWithoutRandomTrialsWhenAsked) {
  for (const char* mode : {"n_startup_trials = 0\n", "n_startup_trials = 0\ngroup = true\n"}) {
    const config::Value given = options(mode);
    EXPECT_TRUE(mixed_space().contains(*make_sampler(settings(mixed_space(), &given))->ask(0)));
  }
}

TEST(Tpe, AvoidsWhatConstraintsForbid) {
  const Space space = Space::categorical(std::vector<std::int64_t>(6, 6));
  auto sampler = make_sampler(settings(space));
  std::int64_t feasible = 0;
  for (std::int64_t number = 0; number < 150; ++number) {
    const Assignment point = *sampler->ask(number);
    const double sum = std::accumulate(point.begin(), point.end(), 0.0);
    // Large sums are better, and at most 10 is allowed; half of the forbidden ones are never measured.
    FinishedTrial trial{.number = number, .assignment = point, .values = {-sum}, .constraints = {sum - 10}};
    if (sum > 10 && number % 2 == 0) trial.state = TrialState::kPruned, trial.values.clear();
    sampler->announce(number, point);
    sampler->tell(trial);
    if (number >= 50 && sum <= 10) ++feasible;
  }
  EXPECT_GT(feasible, 24);
}

TEST(Tpe, RefusesContradictions) {
  const config::Value both = options("group = true\nmultivariate = false\n");
  try {
    make_sampler(settings(mixed_space(), &both));
    FAIL();
  } catch (const UserError& error) {
    EXPECT_STREQ(error.what(), "group: chooses parameters jointly and contradicts multivariate = false");
  }
  const config::Value unknown = options("revision = \"4.0\"\n");
  EXPECT_THROW(make_sampler(settings(mixed_space(), &unknown)), UserError);
}

TEST(ParameterGroups, SplitWhereTrialsDiffer) {
  const double no = kInactive;
  ParameterGroups groups;
  EXPECT_TRUE(groups.common().empty());
  groups.add({0, 1, 2, no, no});
  EXPECT_EQ(groups.groups(), (std::vector<ParameterList>{{0, 1, 2}}));
  groups.add({0, 1, no, 3, no});
  EXPECT_EQ(groups.groups(), (std::vector<ParameterList>{{0, 1}, {2}, {3}}));
  groups.add({0, 1, 2, 3, 4});
  EXPECT_EQ(groups.groups(), (std::vector<ParameterList>{{0, 1}, {2}, {3}, {4}}));
  EXPECT_EQ(groups.common(), (ParameterList{0, 1}));
  groups.add({0, no, no, no, no});
  EXPECT_EQ(groups.groups(), (std::vector<ParameterList>{{0}, {1}, {2}, {3}, {4}}));
}

/// What is kept incrementally must be what a look at all trials would give.
TEST(TpeHistory, CountsWhatAFullLookFinds) {
  const Space space = mixed_space();
  TpeHistory history(space, false);
  RandomStream stream(8, {0}, "test");
  std::vector<Assignment> rows;
  std::set<std::uint32_t> bad;
  for (int step = 0; step < 400; ++step) {
    Assignment point(space.parameters().size());
    for (std::size_t i = 0; i < point.size(); ++i) {
      const auto size = space.size(i);
      point[i] =
          size ? static_cast<double>(stream.below(static_cast<std::uint64_t>(*size))) : 0.001 + 0.9 * stream.uniform();
    }
    space.deactivate(point);
    rows.push_back(point);
    const std::uint32_t row = history.append(point);
    history.join(row);
    bad.insert(row);
    const auto other = static_cast<std::uint32_t>(stream.below(rows.size()));
    if (!bad.insert(other).second) {
      bad.erase(other);
      history.leave(other);
    } else {
      history.join(other);
    }
    if (step % 20 != 19) continue;
    for (std::size_t i = 0; i < point.size(); ++i) {
      std::vector<std::uint32_t> active;
      std::copy_if(bad.begin(), bad.end(), std::back_inserter(active), [&](auto r) { return rows[r][i] != kInactive; });
      const auto weights = recency_weights(active.size());
      std::vector<double> by_row;
      const ParzenSample sample = history.bad_sample({i}, by_row);
      ASSERT_EQ(sample.count, active.size());
      EXPECT_NEAR(sample.prior_weight, weights.back(), 1e-14);
      for (std::size_t k = 0; k < active.size(); ++k) EXPECT_NEAR(by_row[active[k]], weights[k], 1e-14);
      if (!history.is_counted(i)) {
        EXPECT_TRUE(std::is_sorted(sample.columns[0].order.begin(), sample.columns[0].order.end(),
                                   [&](auto a, auto b) { return rows[a][i] < rows[b][i]; }));
        continue;
      }
      const ParzenCounts counts = history.bad_counts(i);
      std::vector<double> expected(counts.weights.size());
      for (std::size_t k = 0; k < active.size(); ++k)
        expected[static_cast<std::size_t>(rows[active[k]][i])] += weights[k];
      for (std::size_t v = 0; v < expected.size(); ++v) EXPECT_NEAR(counts.weights[v], expected[v], 1e-12);
      EXPECT_NEAR(counts.prior_weight, weights.back(), 1e-14);
    }
  }
}

TEST(TpeModel, ScoresAlikeAloneAndInCounts) {
  const Space space({{"x", parameter::Integer{.low = 0, .high = 9}}, {"y", parameter::Integer{.low = 0, .high = 999}}});
  TpeHistory history(space, false);
  for (std::uint32_t i = 0; i < 10; ++i) {
    history.append({static_cast<double>((i * 7) % 10), static_cast<double>((i * 337) % 1000)});
    if (i > 1) history.join(i);
  }
  const GoodTrials good{{0, 1}, {1, 1}};
  const auto counted = fit_model(history, {0}, good, false, false);
  const auto both = fit_model(history, {0, 1}, good, false, true);
  const auto other = fit_model(history, {1}, good, false, false);
  for (double x = 0; x < 10; ++x) {
    EXPECT_TRUE(std::isfinite(counted->score({{x}}).front()));
    EXPECT_TRUE(std::isfinite(other->score({{x}}).front()));
    EXPECT_TRUE(std::isfinite(both->score({{x}, {x}}).front()));
  }
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

double mean_best(const std::string& name, const config::Value* given, int seeds) {
  double sum = 0;
  for (int seed = 0; seed < seeds; ++seed) {
    SamplerSettings made =
        settings(Space::categorical(std::vector<std::int64_t>(8, 6)), given, static_cast<std::uint64_t>(seed));
    made.name = name;
    auto sampler = make_sampler(made);
    double best = 1e9;
    const auto objective = [](const Assignment& x) { return std::vector<double>{separable(x)}; };
    for (const auto& trial : run_trials(*sampler, objective, 150, 4)) best = std::min(best, trial.values[0]);
    sum += best;
  }
  return sum / seeds;
}

TEST(Tpe, BeatsRandomOnASeparableFunction) {
  const double random = mean_best("random", nullptr, 10);
  const config::Value univariate = options("multivariate = false\n");
  EXPECT_LT(mean_best("tpe", nullptr, 10), 0.85 * random);
  EXPECT_LT(mean_best("tpe", &univariate, 10), 0.85 * random);
}

TEST(Tpe, FindsTheFrontOfTwoObjectives) {
  const auto volume = [](const std::string& name, const std::string& mode) {
    const config::Value given = options(mode);
    SamplerSettings made = settings(Space::categorical(std::vector<std::int64_t>(6, 5)), &given, 5, 2);
    made.name = name;
    auto sampler = make_sampler(made);
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
  const double random = volume("random", "");
  for (const std::string& mode : kModes) EXPECT_GT(volume("tpe", mode), random) << mode;
}

double thread_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Returns the median processor time of ask + announce + tell in microseconds after `count` trials.
double median_microseconds(const SamplerSettings& made, std::int64_t count) {
  auto sampler = make_sampler(made);
  RandomStream stream(1, {0}, "values");
  const auto tell = [&](std::int64_t number, const Assignment& point) {
    sampler->announce(number, point);
    FinishedTrial trial{.number = number, .assignment = point};
    for (std::size_t i = 0; i < made.directions.size(); ++i) trial.values.push_back(stream.uniform());
    sampler->tell(trial);
  };
  for (std::int64_t number = 0; number < count; ++number) {
    Assignment point;
    for (std::size_t i = 0; i < made.space.parameters().size(); ++i) {
      const auto size = made.space.size(i);
      point.push_back(size ? static_cast<double>(stream.below(static_cast<std::uint64_t>(*size))) : stream.uniform());
    }
    tell(number, point);
  }
  std::vector<double> times;
  for (std::int64_t number = count; number < count + 21; ++number) {
    const double start = thread_seconds();
    tell(number, *sampler->ask(number));
    times.push_back(1e6 * (thread_seconds() - start));
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

/// Ten times the trials may take ten times as long (and as much again for caches), not a hundred times.
TEST(Tpe, GrowsNoFasterThanItsTrials) {
  const config::Value univariate = options("multivariate = false\n");
  const Space choices = Space::categorical(std::vector<std::int64_t>(12, 6));
  const Space integers(std::vector<parameter::Parameter>(8, {"x", parameter::Integer{.low = 0, .high = 15}}));
  const Space floats(std::vector<parameter::Parameter>(8, {"x", parameter::Float{.low = 0, .high = 1}}));
  const auto measure = [](const std::string& name, const SamplerSettings& made) {
    const double few = median_microseconds(made, 1000), many = median_microseconds(made, 10000);
    RecordProperty(name, std::to_string(many));
    EXPECT_LT(many, 30 * few + 100) << name;
  };
  measure("univariate_us", settings(choices, &univariate));
  measure("multivariate_us", settings(choices));
  measure("two_objectives_us", settings(choices, nullptr, 5, 2));
  measure("three_objectives_us", settings(choices, nullptr, 5, 3));
  measure("integers_univariate_us", settings(integers, &univariate));
  measure("integers_multivariate_us", settings(integers));
  measure("floats_univariate_us", settings(floats, &univariate));
  measure("floats_multivariate_us", settings(floats));
}

}  // namespace
}  // namespace lathe::sampler
