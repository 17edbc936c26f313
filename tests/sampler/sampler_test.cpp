#include "lathe/sampler/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "lathe/base/error.h"
#include "sampler/trial_sequence.h"

namespace lathe::sampler {
namespace {

SamplerSettings settings(const std::string& name, std::uint64_t seed = 7) {
  return {.name = name,
          .seed = seed,
          .space = parameter::Space::categorical({2, 3, 3}),
          .directions = {Direction::kMinimize},
          .n_trials = 100};
}

/// Has 96 points: integers, a grid of numbers, and parameters under conditions, one of them under another one.
parameter::Space finite_space() {
  return parameter::Space(
      {{"depth", parameter::Integer{.low = 1, .high = 4, .log = true}},
       {"rate", parameter::Float{.low = 0.1, .high = 0.3, .step = 0.1}},
       {"op", parameter::Categorical{{std::string("conv"), std::string("pool")}}},
       {"kernel", parameter::Integer{.low = 3, .high = 7, .step = 2}, parameter::Condition{2, {true, false}}},
       {"groups", parameter::Categorical{{std::int64_t{1}, std::int64_t{2}, std::int64_t{4}}},
        parameter::Condition{3, {true, true, false}}}});
}

parameter::Space continuous_space() {
  std::vector<parameter::Parameter> parameters = finite_space().parameters();
  parameters.push_back({"lr", parameter::Float{.low = 1e-5, .high = 1e-1, .log = true}});
  parameters.push_back({"momentum", parameter::Float{.low = 0, .high = 1}, parameter::Condition{2, {false, true}}});
  return parameter::Space(std::move(parameters));
}

bool visits_every_point(const std::string& name) { return name == "grid" || name == "brute_force"; }

std::vector<double> sum_of_active(const Assignment& assignment) {
  double sum = 0;
  for (const double code : assignment) sum += code == parameter::kInactive ? 0.5 : code;
  return {sum};
}

std::vector<double> sum_of(const Assignment& assignment) {
  double sum = 0;
  for (const double index : assignment) sum += index;
  return {sum};
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(SamplerKinds, AnswerToEverySpellingOfUsers) {
  for (const char* name : {"brute", "brute-force", "brute_force", "bruteforce", "BruteForce"}) {
    EXPECT_EQ(sampler_kind(name).name, "brute_force");
  }
  EXPECT_EQ(sampler_kind("TPE").name, "tpe");
  EXPECT_EQ(sampler_kind("Random").name, "random");
  EXPECT_EQ(sampler_kind("grid").name, "grid");
}

TEST(SamplerKinds, AnswerToTheNamesOfMaseAndOptuna) {
  const std::vector<std::pair<const char*, const char*>> spellings{{"RandomSampler", "random"},
                                                                   {"GridSampler", "grid"},
                                                                   {"BruteForceSampler", "brute_force"},
                                                                   {"qmc", "qmc"},
                                                                   {"QMCSampler", "qmc"},
                                                                   {"nsgaii", "nsgaii"},
                                                                   {"NSGA-II", "nsgaii"},
                                                                   {"nsga2", "nsgaii"},
                                                                   {"NSGAIISampler", "nsgaii"},
                                                                   {"nsgaiii", "nsgaiii"},
                                                                   {"NSGAIIISampler", "nsgaiii"},
                                                                   {"regularized_evolution", "evolution"}};
  for (const auto& [spelling, name] : spellings) EXPECT_EQ(sampler_kind(spelling).name, name);
}

TEST(SamplerKinds, UnknownNameShowsTheNearest) {
  const std::string message = message_of([] { sampler_kind("gird"); });
  EXPECT_EQ(message.find("unknown sampler \"gird\"; did you mean \"grid\"? (known: random, grid, brute_force, "), 0u)
      << message;
}

TEST(SamplerOptions, UnknownKeyShowsPositionAndNearest) {
  const config::Value options = config::parse_text("n_startup = 3\n", "study.toml");
  SamplerSettings with_options = settings("tpe");
  with_options.options = &options;
  const std::string message = message_of([&] { make_sampler(with_options); });
  EXPECT_NE(message.find("study.toml:1:"), std::string::npos) << message;
  EXPECT_NE(message.find("n_startup_trials"), std::string::npos) << message;
}

/// Every sampler that is listed must keep these promises.
class EverySampler : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Builtin, EverySampler, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const SamplerKind& kind : sampler_kinds()) names.push_back(kind.name);
                           return names;
                         }()),
                         [](const auto& instance) { return instance.param; });

TEST_P(EverySampler, SameSeedGivesTheSameTrace) {
  const auto trace = [&](std::int64_t lag) {
    auto sampler = make_sampler(settings(GetParam()));
    return assignments(run_trials(*sampler, sum_of, 15, lag));
  };
  EXPECT_EQ(trace(1), trace(1));
  EXPECT_EQ(trace(4), trace(4));
}

TEST_P(EverySampler, VisitsEveryPointOnceAndEnds) {
  for (const std::int64_t lag : {1, 4}) {
    auto sampler = make_sampler(settings(GetParam()));
    const auto visited = assignments(run_trials(*sampler, sum_of, 100, lag));
    EXPECT_EQ(visited.size(), 18u) << "lag " << lag;
    EXPECT_EQ(std::set<Assignment>(visited.begin(), visited.end()).size(), 18u);
  }
}

TEST_P(EverySampler, SpaceOfOnePointIsTriedOnce) {
  auto one_point = settings(GetParam());
  one_point.space = parameter::Space::categorical({});
  auto sampler = make_sampler(one_point);
  EXPECT_EQ(run_trials(*sampler, sum_of, 10, 1).size(), 1u);
}

TEST_P(EverySampler, MayRepeatWhenAsked) {
  const config::Value options = config::parse_text("deduplicate = false\n", "study.toml");
  SamplerSettings repeating = settings(GetParam());
  repeating.options = &options;
  auto sampler = make_sampler(repeating);
  EXPECT_EQ(run_trials(*sampler, sum_of, 40, 2).size(), 40u);
}

TEST_P(EverySampler, GoesOnAlikeAfterARestart) {
  constexpr std::int64_t kLag = 4;
  SamplerSettings larger = settings(GetParam());
  larger.space = parameter::Space::categorical({5, 5, 5, 5});
  auto undisturbed = make_sampler(larger);
  const auto trials = run_trials(*undisturbed, sum_of, 60, kLag);

  auto resumed = make_sampler(larger);
  Replay replay(*resumed, trials, kLag);
  for (std::int64_t number = 30; number < 60; ++number) {
    replay.up_to(number);
    EXPECT_EQ(resumed->ask(number), trials[static_cast<std::size_t>(number)].assignment) << number;
  }
}

TEST_P(EverySampler, LivesWithFailingTrials) {
  SamplerSettings larger = settings(GetParam());
  larger.space = parameter::Space::categorical({6, 6, 6});
  auto sampler = make_sampler(larger);
  const auto fails_often = [](const Assignment& assignment) {
    return static_cast<int>(assignment[0]) % 2 == 0 ? std::vector<double>{} : sum_of(assignment);
  };
  const auto visited = assignments(run_trials(*sampler, fails_often, 300, 3));
  EXPECT_EQ(visited.size(), 216u);
  EXPECT_EQ(std::set<Assignment>(visited.begin(), visited.end()).size(), 216u);
}

TEST_P(EverySampler, ServesSeveralObjectives) {
  SamplerSettings both = settings(GetParam());
  both.directions = {Direction::kMinimize, Direction::kMaximize};
  auto sampler = make_sampler(both);
  const auto objective = [](const Assignment& assignment) {
    return std::vector<double>{assignment[0] + assignment[1], assignment[2]};
  };
  EXPECT_EQ(run_trials(*sampler, objective, 50, 2).size(), 18u);
}

TEST_P(EverySampler, VisitsConditionalSpacesOnce) {
  SamplerSettings conditional = settings(GetParam());
  conditional.space = finite_space();
  ASSERT_EQ(conditional.space.count(), 96u);
  for (const std::int64_t lag : {1, 5}) {
    auto sampler = make_sampler(conditional);
    const auto visited = assignments(run_trials(*sampler, sum_of_active, 200, lag));
    EXPECT_EQ(visited.size(), 96u) << "lag " << lag;
    EXPECT_EQ(std::set<Assignment>(visited.begin(), visited.end()).size(), 96u);
    for (const Assignment& assignment : visited) EXPECT_TRUE(conditional.space.contains(assignment));
  }
}

TEST_P(EverySampler, ServesContinuousSpacesOrRefuses) {
  SamplerSettings continuous = settings(GetParam());
  continuous.space = continuous_space();
  if (visits_every_point(GetParam())) {
    EXPECT_EQ(message_of([&] { make_sampler(continuous); }),
              "sampler: \"" + GetParam() +
                  "\" visits every point, and parameter lr is continuous; give it a step, or use tpe or random");
    return;
  }
  auto sampler = make_sampler(continuous);
  const auto visited = assignments(run_trials(*sampler, sum_of_active, 60, 4));
  EXPECT_EQ(std::set<Assignment>(visited.begin(), visited.end()).size(), 60u);
  for (const Assignment& assignment : visited) EXPECT_TRUE(continuous.space.contains(assignment));
}

TEST_P(EverySampler, StaysWithinRangesAsWideAsNumbersAre) {
  if (visits_every_point(GetParam())) return;
  SamplerSettings wide = settings(GetParam());
  constexpr std::int64_t kLargest = std::int64_t{1} << 53;
  wide.space = parameter::Space({{"decay", parameter::Float{.low = 1e-300, .high = 1e10, .log = true}},
                                 {"all", parameter::Float{.low = 5e-324, .high = 1.7e308, .log = true}},
                                 {"least", parameter::Float{.low = 5e-324, .high = 1e-310, .log = true}},
                                 {"width", parameter::Float{.low = -8e307, .high = 8e307}},
                                 {"count", parameter::Integer{.low = 1, .high = kLargest, .log = true}},
                                 {"step", parameter::Integer{.low = -kLargest, .high = kLargest}},
                                 {"grid", parameter::Float{.low = 0, .high = 1e15, .step = 1}}});
  auto sampler = make_sampler(wide);
  const auto objective = [](const Assignment& assignment) {
    return std::vector<double>{std::log(assignment[0]) - std::log(assignment[1]) + assignment[3] * 1e-307};
  };
  const auto trials = run_trials(*sampler, objective, 60, 2);
  EXPECT_EQ(trials.size(), 60u);
  for (const FinishedTrial& trial : trials) EXPECT_TRUE(wide.space.contains(trial.assignment)) << trial.number;
}

TEST_P(EverySampler, GoesOnAlikeAfterARestartForEveryLag) {
  SamplerSettings conditional = settings(GetParam());
  conditional.space = visits_every_point(GetParam()) ? finite_space() : continuous_space();
  for (std::int64_t lag = 1; lag <= 8; ++lag) {
    auto undisturbed = make_sampler(conditional);
    const auto trials = run_trials(*undisturbed, sum_of_active, 40, lag);
    auto resumed = make_sampler(conditional);
    Replay replay(*resumed, trials, lag);
    for (std::int64_t number = 25; number < 40; ++number) {
      replay.up_to(number);
      EXPECT_EQ(resumed->ask(number), trials[static_cast<std::size_t>(number)].assignment) << number << " lag " << lag;
    }
  }
}

TEST_P(EverySampler, AskingChangesNothing) {
  SamplerSettings conditional = settings(GetParam());
  conditional.space = finite_space();
  auto quiet = make_sampler(conditional);
  const auto trials = run_trials(*quiet, sum_of_active, 80, 3);
  auto disturbed = make_sampler(conditional);
  Replay replay(*disturbed, trials, 3);
  for (std::int64_t number = 0; number < 80; ++number) {
    replay.up_to(number);
    disturbed->ask(number + 7);
    disturbed->ask(number + 1);
    EXPECT_EQ(disturbed->ask(number), trials[static_cast<std::size_t>(number)].assignment) << number;
  }
}

TEST_P(EverySampler, LivesWithEnqueuedTrials) {
  SamplerSettings conditional = settings(GetParam());
  conditional.space = finite_space();
  const Assignment first = conditional.space.decode(5);
  const Assignment second = conditional.space.decode(50);
  const auto outcome = [](const Assignment& assignment) {
    return FinishedTrial{.assignment = {}, .values = sum_of_active(assignment)};
  };
  auto sampler = make_sampler(conditional);
  const auto trials = run_outcomes(*sampler, outcome, 200, 3, {{0, first}, {7, second}, {8, first}});
  const auto visited = assignments(trials);
  EXPECT_EQ(std::set<Assignment>(visited.begin(), visited.end()).size(), 96u);
  // One point was enqueued twice, and the sampler may have been at the other before anybody could tell.
  const bool second_known = std::find(visited.begin(), visited.begin() + 7, second) != visited.begin() + 7;
  EXPECT_EQ(visited.size(), second_known ? 98u : 97u);
}

TEST_P(EverySampler, LivesWithConstraintsAndPrunedTrials) {
  SamplerSettings conditional = settings(GetParam());
  conditional.space = finite_space();
  const auto outcome = [](const Assignment& assignment) {
    FinishedTrial trial{.assignment = {}, .values = sum_of_active(assignment), .constraints = {assignment[0] - 2, -1}};
    if (assignment[0] == 3) trial.state = TrialState::kPruned;
    if (assignment[1] == 2)
      trial = {.assignment = {}, .state = TrialState::kPruned, .reports = {{1, {0.5}}, {2, {0.4}}}};
    if (trial.state == TrialState::kPruned) trial.values.clear();
    return trial;
  };
  for (const std::int64_t lag : {1, 8}) {
    auto sampler = make_sampler(conditional);
    const auto visited = assignments(run_outcomes(*sampler, outcome, 200, lag));
    EXPECT_EQ(std::set<Assignment>(visited.begin(), visited.end()).size(), 96u);
  }
}

TEST_P(EverySampler, LivesWithTrialsThatAllFail) {
  SamplerSettings conditional = settings(GetParam());
  conditional.space = finite_space();
  auto sampler = make_sampler(conditional);
  const auto fails = [](const Assignment&) { return std::vector<double>{}; };
  EXPECT_EQ(run_trials(*sampler, fails, 200, 4).size(), 96u);
}

TEST_P(EverySampler, VisitsAllPointsBesideTrialsOutsideTheSpace) {
  SamplerSettings finite = settings(GetParam());
  finite.space = finite_space();
  auto sampler = make_sampler(finite);
  std::set<Assignment> visited;
  for (std::int64_t number = 0; number < 200; ++number) {
    if (number == 0 || number == 5 || number == 6) continue;  // of another program: neither announced nor told
    const auto assignment = sampler->ask(number);
    if (!assignment) break;
    EXPECT_TRUE(visited.insert(*assignment).second) << number;
    sampler->announce(number, *assignment);
    sampler->tell({.number = number, .assignment = *assignment, .values = sum_of_active(*assignment)});
  }
  EXPECT_EQ(visited.size(), 96u);
}

TEST(Grid, FollowsTheFile) {
  auto sampler = make_sampler(settings("grid"));
  const auto visited = assignments(run_trials(*sampler, sum_of, 4, 1));
  EXPECT_EQ(visited, (std::vector<Assignment>{{0, 0, 0}, {0, 0, 1}, {0, 0, 2}, {0, 1, 0}}));
}

TEST(Grid, LeavesOutWhatWasEnqueuedByHand) {
  auto sampler = make_sampler(settings("grid"));
  std::set<Assignment> visited{{0, 0, 2}};
  sampler->announce(0, {0, 0, 2});
  sampler->tell({.number = 0, .assignment = {0, 0, 2}, .state = TrialState::kComplete, .values = {1}});
  for (std::int64_t number = 1; const auto assignment = sampler->ask(number); ++number) {
    EXPECT_TRUE(visited.insert(*assignment).second) << number;
    sampler->announce(number, *assignment);
    sampler->tell({.number = number, .assignment = *assignment, .state = TrialState::kComplete, .values = {1}});
  }
  EXPECT_EQ(visited.size(), 18u);
}

TEST(BruteForce, NeedsNoMemoryForHugeSpaces) {
  SamplerSettings huge = settings("brute_force");
  huge.space = parameter::Space::categorical(std::vector<std::int64_t>(60, 2));
  auto sampler = make_sampler(huge);
  const auto visited = assignments(run_trials(*sampler, sum_of, 2000, 1));
  EXPECT_EQ(std::set<Assignment>(visited.begin(), visited.end()).size(), 2000u);
}

TEST(BruteForce, RefusesSpacesThatCannotBeNumbered) {
  SamplerSettings huge = settings("brute_force");
  huge.space = parameter::Space::categorical(std::vector<std::int64_t>(70, 2));
  EXPECT_EQ(message_of([&] { make_sampler(huge); }),
            "sampler: \"brute_force\" visits every point, and this space has more than 2^62; use tpe or random");
}

TEST(Random, CoversHugeSpacesToo) {
  SamplerSettings huge = settings("random");
  huge.space = parameter::Space::categorical(std::vector<std::int64_t>(70, 2));
  auto sampler = make_sampler(huge);
  const auto visited = assignments(run_trials(*sampler, sum_of, 500, 1));
  EXPECT_EQ(std::set<Assignment>(visited.begin(), visited.end()).size(), 500u);
}

TEST(Random, DrawsLogarithmicAndConditionalParametersByThemselves) {
  SamplerSettings conditional = settings("random");
  conditional.space = finite_space();
  int shallow = 0, pool = 0;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    conditional.seed = seed;
    const Assignment first = *make_sampler(conditional)->ask(0);
    shallow += first[0] == 0 ? 1 : 0;
    pool += first[2] == 1 ? 1 : 0;
  }
  EXPECT_NEAR(shallow / 4000.0, 0.5, 0.03);  // log(1.5 / 0.5) of log(4.5 / 0.5)
  EXPECT_NEAR(pool / 4000.0, 0.5, 0.03);     // though an eighth of the points only
}

TEST(Random, IsUniform) {
  std::vector<int> counts(18, 0);
  for (std::uint64_t seed = 0; seed < 3600; ++seed) {
    const auto first = *make_sampler(settings("random", seed))->ask(0);
    ++counts[static_cast<std::size_t>(first[0] * 9 + first[1] * 3 + first[2])];
  }
  double chi_squared = 0;
  for (const int count : counts) chi_squared += (count - 200.0) * (count - 200.0) / 200.0;
  EXPECT_LT(chi_squared, 40.8);  // 17 degrees of freedom, 0.1 %
}

TEST(ParetoFront, KeepsDuplicatesAndDropsNan) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<std::vector<double>> values{{1, 5}, {2, 6}, {1, 5}, {nan, 9}, {3, 6}, {0, 1}};
  EXPECT_EQ(pareto_front(values, {Direction::kMinimize, Direction::kMaximize}), (std::vector<std::size_t>{0, 1, 2, 5}));
  EXPECT_EQ(pareto_front({{1}, {0}, {0}}, {Direction::kMinimize}), (std::vector<std::size_t>{1, 2}));
  EXPECT_TRUE(pareto_front({}, {Direction::kMinimize}).empty());
}

}  // namespace
}  // namespace lathe::sampler
