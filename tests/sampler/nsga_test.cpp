#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "lathe/base/error.h"
#include "lathe/sampler/breeding.h"
#include "lathe/sampler/elite.h"
#include "lathe/sampler/hypervolume.h"
#include "lathe/sampler/niche.h"
#include "lathe/sampler/sampler.h"
#include "sampler/golden_elite.h"
#include "sampler/trial_sequence.h"

namespace lathe::sampler {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<ConstrainedPoint> feasible(const std::vector<Losses>& losses) {
  std::vector<ConstrainedPoint> points;
  for (const Losses& point : losses) points.push_back({point, 0});
  return points;
}

TEST(Elite, EqualsOptunas) {
  for (const golden::Elite& golden : golden::kElites) {
    EXPECT_EQ(elite_by_crowding(feasible(golden.values), golden.population), golden.elite);
  }
}

TEST(Elite, TakesFeasibleOnesThenTheSmallestViolations) {
  const std::vector<ConstrainedPoint> points{{{}, 3}, {{9, 9}, 0}, {{}, 1}, {{8, 8}, 0}, {{0, 0}, 1}};
  EXPECT_EQ(elite_by_crowding(points, 3), (std::vector<std::size_t>{1, 2, 3}));
  RandomStream stream(1, {}, "test");
  EXPECT_EQ(elite_by_niches(points, 3, reference_points(2, 3), stream), (std::vector<std::size_t>{1, 2, 3}));
  EXPECT_EQ(elite_by_crowding(points, 9).size(), 5u);
}

TEST(Niches, ReferencePointsEqualOptunas) {
  EXPECT_EQ(reference_points(3, 3), golden::kReferences);
  EXPECT_EQ(reference_points(1, 3), (std::vector<Losses>{{3}}));
  EXPECT_EQ(reference_points(5, 4).size(), 70u);
}

TEST(Niches, NormalisationPutsTheExtremesAtOne) {
  const auto points = normalised_points({{1, 20}, {3, 10}, {2, 12}});
  EXPECT_EQ(points[0], (Losses{0, 1}));
  EXPECT_EQ(points[1], (Losses{1, 0}));
  EXPECT_DOUBLE_EQ(points[2][0], 0.5);
  EXPECT_DOUBLE_EQ(points[2][1], 0.2);
  EXPECT_EQ(normalised_points({{1, 1}, {1, 1}}), (std::vector<Losses>{{0, 0}, {0, 0}}));  // no extent at all
  for (const Losses& point : normalised_points({{0, kInfinity}, {1, 0}, {-kInfinity, 3}})) {
    for (const double value : point) EXPECT_TRUE(std::isfinite(value));
  }
}

TEST(Niches, AreFilledFromTheEmptiest) {
  // Points 0 and 1 are chosen and lie along the first axis; of the others, 4 lies nearest to the second axis.
  const std::vector<Losses> points{{1, 0}, {0.9, 0.01}, {0.8, 0.02}, {0.1, 0.9}, {0, 1}};
  RandomStream stream(1, {}, "test");
  EXPECT_EQ(fill_niches(points, 2, 1, reference_points(2, 1), stream), (std::vector<std::size_t>{4}));
  EXPECT_EQ(fill_niches(points, 2, 3, reference_points(2, 1), stream).size(), 3u);
}

parameter::Space integers(std::size_t count) {
  std::vector<parameter::Parameter> parameters;
  for (std::size_t i = 0; i < count; ++i) {
    parameters.push_back({"x" + std::to_string(i), parameter::Integer{.low = 0, .high = 99}});
  }
  return parameter::Space(std::move(parameters));
}

class EveryCrossover : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Builtin, EveryCrossover, testing::ValuesIn([] {
                           std::vector<std::string> names;
                           for (const Crossover& operation : crossovers()) names.push_back(operation.name);
                           return names;
                         }()),
                         [](const auto& instance) { return instance.param; });

TEST_P(EveryCrossover, KeepsTheMeanOfTheParents) {
  const Crossover& operation = crossover(GetParam());
  const std::vector<Genes> all{{0.4, 0.5, 0.3}, {0.6, 0.5, 0.5}, {0.5, 0.8, 0.4}};
  const std::span<const Genes> parents(all.data(), operation.parents);
  constexpr int kDraws = 20000;
  Genes mean(3, 0.0);
  RandomStream stream(3, {}, "test");
  for (int i = 0; i < kDraws; ++i) {
    const Genes child = operation.cross(parents, {}, stream);
    for (std::size_t k = 0; k < 3; ++k) mean[k] += child[k] / kDraws;
  }
  for (std::size_t k = 0; k < 3; ++k) {
    const bool two = operation.parents == 2 || GetParam() == "undx";  // the third parent of undx gives the width alone
    const double expected = two ? (all[0][k] + all[1][k]) / 2 : (all[0][k] + all[1][k] + all[2][k]) / 3;
    EXPECT_NEAR(mean[k], expected, 0.01) << k;
  }
}

TEST_P(EveryCrossover, EqualParentsHaveEqualChildren) {
  const Crossover& operation = crossover(GetParam());
  const std::vector<Genes> parents(operation.parents, Genes{0.25, 0.5});
  RandomStream stream(3, {}, "test");
  for (int i = 0; i < 100; ++i) {
    const Genes child = operation.cross(parents, {}, stream);
    EXPECT_NEAR(child[0], 0.25, 1e-9);
    EXPECT_NEAR(child[1], 0.5, 1e-9);
  }
}

TEST_P(EveryCrossover, ServesTheSampler) {
  const config::Value options = config::parse_text("population_size = 10\ncrossover = \"" + GetParam() + "\"\n", "a");
  const parameter::Space space = integers(6);
  auto sampler =
      make_sampler({.name = "nsgaii", .space = space, .directions = {Direction::kMinimize}, .options = &options});
  const auto distance = [](const Assignment& x) {
    double sum = 0;
    for (const double code : x) sum += (code - 30) * (code - 30);
    return std::vector{sum};
  };
  const auto trials = run_trials(*sampler, distance, 400, 4);
  double early = kInfinity, late = kInfinity;
  for (const FinishedTrial& trial : trials) {
    EXPECT_TRUE(space.contains(trial.assignment));
    double& best = trial.number < 10 ? early : late;
    best = std::min(best, trial.values[0]);
  }
  EXPECT_LT(late, 0.5 * early);
}

TEST(Breeder, CrossesTakeGenesFromParentsAlone) {
  const Breeder breeder(parameter::Space::categorical({9, 9, 9, 9}), {.crossover_prob = 1, .mutation_prob = 0.0}, 2);
  const std::vector<Individual> parents{{{1, 2, 3, 4}, {{0}, 0}}, {{5, 6, 7, 8}, {{0}, 0}}};
  RandomStream stream(1, {}, "test");
  std::set<Assignment> children;
  for (int i = 0; i < 400; ++i) children.insert(breeder.child(parents, stream));
  EXPECT_EQ(children.size(), 16u);
  for (const Assignment& child : children) {
    for (std::size_t k = 0; k < 4; ++k)
      EXPECT_TRUE(child[k] == parents[0].assignment[k] || child[k] == parents[1].assignment[k]);
  }
}

TEST(Breeder, ConditionalParametersComeFromTheParentThatHasThem) {
  const parameter::Space space({{"op", parameter::Categorical{{std::int64_t{0}, std::int64_t{1}}}},
                                {"a", parameter::Integer{0, 99}, parameter::Condition{0, {true, false}}},
                                {"b", parameter::Integer{0, 99}, parameter::Condition{0, {false, true}}}});
  const Breeder breeder(space, {.crossover_prob = 1, .mutation_prob = 0.0}, 2);
  const std::vector<Individual> parents{{{0, 42, parameter::kInactive}, {{0}, 0}},
                                        {{1, parameter::kInactive, 17}, {{0}, 0}}};
  RandomStream stream(1, {}, "test");
  for (int i = 0; i < 50; ++i) {
    const Assignment child = breeder.child(parents, stream);
    EXPECT_TRUE(child == parents[0].assignment || child == parents[1].assignment);
  }
  for (int i = 0; i < 50; ++i) EXPECT_TRUE(space.contains(breeder.mutated_once(parents[0].assignment, stream)));
}

TEST(Breeder, MutationChangesOneParameter) {
  for (const char* mutation : {"other", "nearby", "mixed"}) {
    const Breeder breeder(integers(5), {.mutation = mutation}, 2);
    RandomStream stream(1, {}, "test");
    const Assignment before{0, 20, 99, 50, 1};
    for (int i = 0; i < 200; ++i) {
      const Assignment after = breeder.mutated_once(before, stream);
      int changed = 0;
      for (std::size_t k = 0; k < 5; ++k) changed += after[k] != before[k] ? 1 : 0;
      EXPECT_EQ(changed, 1) << mutation;
    }
  }
}

/// Asks twenty trials of a sampler that was told `values` of as many random points.
std::vector<Assignment> next_proposals(Sampler& sampler, const std::vector<FinishedTrial>& told) {
  for (const FinishedTrial& trial : told) {
    sampler.announce(trial.number, trial.assignment);
    sampler.tell(trial);
  }
  std::vector<Assignment> proposals;
  const auto next = static_cast<std::int64_t>(told.size());
  for (std::int64_t number = next; number < next + 20; ++number) proposals.push_back(*sampler.ask(number));
  return proposals;
}

TEST(Nsga, LearnsFromTrialsThatBrokeTheirBudgetUntrained) {
  const config::Value options = config::parse_text("population_size = 10\n", "a");
  const SamplerSettings settings{.name = "nsgaii",
                                 .space = integers(4),
                                 .directions = {Direction::kMinimize, Direction::kMinimize},
                                 .options = &options};
  std::vector<FinishedTrial> told;
  for (std::int64_t number = 0; number < 20; ++number) {
    const double size = 5.0 * static_cast<double>(number);
    told.push_back({number, Assignment(4, size), TrialState::kPruned, {}, {size - 10}});
  }
  double mean = 0;
  for (const Assignment& proposal : next_proposals(*make_sampler(settings), told)) mean += proposal[0] / 20;
  EXPECT_LT(mean, 40) << "children of the ten smallest violations";
}

TEST(Nsga, SeesDirections) {
  const config::Value options = config::parse_text("population_size = 10\nmutation_prob = 0.0\n", "a");
  for (const char* name : {"nsgaii", "nsgaiii"}) {
    const SamplerSettings settings{.name = name,
                                   .space = integers(2),
                                   .directions = {Direction::kMaximize, Direction::kMaximize},
                                   .options = &options};
    std::vector<FinishedTrial> told;
    for (std::int64_t number = 0; number < 40; ++number) {
      const auto place = static_cast<double>(number * 7 % 40);
      told.push_back({number, {place, place}, TrialState::kComplete, {place, place + 1}});
    }
    double mean = 0;
    for (const Assignment& proposal : next_proposals(*make_sampler(settings), told)) mean += proposal[0] / 20;
    EXPECT_GT(mean, 25) << name;
  }
}

/// Returns the hypervolume that 300 trials dominate of a sphere's octant with three objectives, mean of five seeds.
double mean_hypervolume(const std::string& name) {
  const auto sphere = [](const Assignment& x) {
    const double a = x[0] / 99 * 1.5707963, b = x[1] / 99 * 1.5707963;
    double radius = 1;
    for (std::size_t i = 2; i < x.size(); ++i) radius += std::pow(x[i] / 99 - 0.5, 2);
    return std::vector{radius * std::cos(a) * std::cos(b), radius * std::cos(a) * std::sin(b), radius * std::sin(a)};
  };
  double mean = 0;
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    auto sampler = make_sampler({.name = name,
                                 .seed = seed,
                                 .space = integers(7),
                                 .directions = std::vector<Direction>(3, Direction::kMinimize)});
    std::vector<Losses> points;
    for (const FinishedTrial& trial : run_trials(*sampler, sphere, 300, 4)) points.push_back(trial.values);
    mean += hypervolume(points, {1.5, 1.5, 1.5}) / 5;
  }
  return mean;
}

TEST(Nsga, BothBeatRandomPointsOnThreeObjectives) {
  const double random = mean_hypervolume("random");
  EXPECT_GT(mean_hypervolume("nsgaii"), 1.07 * random);
  EXPECT_GT(mean_hypervolume("nsgaiii"), 1.07 * random);
}

TEST(Nsga, RefusesUnknownOperators) {
  const config::Value options = config::parse_text("crossover = \"simplex\"\n", "study.toml");
  try {
    make_sampler({.name = "nsgaii", .space = integers(2), .directions = {Direction::kMinimize}, .options = &options});
    FAIL();
  } catch (const UserError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("study.toml:1:"), std::string::npos) << message;
    EXPECT_NE(message.find("undx"), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace lathe::sampler
