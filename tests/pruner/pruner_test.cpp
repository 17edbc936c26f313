#include "lathe/pruner/pruner.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "lathe/base/error.h"
#include "lathe/base/random.h"
#include "lathe/pruner/rungs.h"
#include "pruner/golden.h"
#include "pruner/sequence.h"

namespace lathe::pruner {
namespace {

const double kNan = std::nan("");

FinishedTrial trial(std::int64_t number, TrialState state, std::vector<Report> reports) {
  return {.number = number, .assignment = {}, .state = state, .values = {}, .constraints = {}, .reports = reports};
}

std::string error_of(const std::string& name, const std::string& options, std::size_t objectives = 1) {
  try {
    make(name, options, std::vector<Direction>(objectives, Direction::kMinimize));
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Pruners, AreFoundInTheUsersSpelling) {
  EXPECT_EQ(pruner_kind("SuccessiveHalving").name, "asha");
  EXPECT_EQ(pruner_kind("MO-ASHA").name, "moasha");
  EXPECT_EQ(pruner_kind("Nop").name, "none");
  EXPECT_THROW(pruner_kind("medain"), UserError);
  for (const PrunerKind& kind : pruner_kinds()) {
    EXPECT_EQ(&pruner_kind(kind.name), &kind);
    EXPECT_FALSE(kind.description.empty());
    for (const std::string& alias : kind.aliases) EXPECT_EQ(&pruner_kind(alias), &kind) << alias;
    for (const sampler::SamplerOption& option : kind.options) EXPECT_FALSE(option.description.empty()) << option.name;
  }
}

TEST(Pruners, RefuseOptionsWithTheirPlace) {
  EXPECT_EQ(error_of("median", "n_startup_trails = 3\n").find("study.toml:1:1: n_startup_trails: unknown key"), 0u);
  EXPECT_EQ(error_of("asha", "reduction_factor = 1\n").find("study.toml:1:20: reduction_factor: must be"), 0u)
      << error_of("asha", "reduction_factor = 1\n");
  EXPECT_NE(error_of("asha", "min_resource = \"some\"\n").find("expected an integer or \"auto\"; got \"some\""),
            std::string::npos);
  EXPECT_NE(error_of("asha", "min_resource = 0\n").find("must be at least 1; got 0"), std::string::npos);
  EXPECT_NE(error_of("threshold", "").find("needs a lower or an upper bound"), std::string::npos);
  EXPECT_NE(error_of("threshold", "lower = 2\nupper = 1\n").find("must not be above upper"), std::string::npos);
  EXPECT_NE(error_of("hyperband", "min_resource = 9\nmax_resource = 3\n").find("must be at least min_resource"),
            std::string::npos);
  EXPECT_NE(error_of("patient", "wrapped = \"medain\"\n").find("did you mean \"median\"?"), std::string::npos);
  EXPECT_NE(error_of("patient", "wrapped = { patience = 1 }\n").find("name is missing"), std::string::npos);
  EXPECT_NE(error_of("patient", "wrapped = 3\n").find("expected the name of a pruner"), std::string::npos);
}

TEST(Pruners, OfOneObjectiveNameTheOneForSeveral) {
  for (const PrunerKind& kind : pruner_kinds()) {
    if (kind.several_objectives) continue;
    EXPECT_NE(error_of(kind.name, "", 2).find("use \"moasha\""), std::string::npos) << kind.name;
  }
  EXPECT_EQ(error_of("moasha", "", 3), "no error");
  EXPECT_EQ(error_of("none", "", 3), "no error");
}

TEST(Pruners, EndWhatIsNotANumber) {
  const std::vector<Report> own{{.step = 1, .values = {kNan}}};
  const std::vector<FinishedTrial> history{trial(0, TrialState::kComplete, {{.step = 1, .values = {0.5}}})};
  for (const auto& [name, options] : std::vector<std::pair<std::string, std::string>>{
           {"median", "n_startup_trials = 1\n"}, {"asha", ""}, {"moasha", ""}, {"threshold", "lower = 0\n"}}) {
    EXPECT_TRUE(make(name, options, {Direction::kMinimize}).pruner->prune(1, own, history)) << name;
  }
}

TEST(Pruners, DependOnTheHistoryTheyAreGivenAlone) {
  const auto curves = of_one(golden::kCurves);
  const auto steps = counted_steps(curves.front().size());
  for (const PrunerKind& kind : pruner_kinds()) {
    const Made made = make(kind.name, kind.name == "threshold" ? "lower = 0.2\n" : "", {Direction::kMaximize});
    EXPECT_EQ(stops(*made.pruner, curves, steps), stops(*made.pruner, curves, steps)) << kind.name;
  }
}

TEST(Rungs, AreRecomputedFromReports) {
  const auto rungs = Rungs::make({.min_resource = 2, .reduction_factor = 3}, {});
  ASSERT_TRUE(rungs);
  const std::vector<Report> reports{{.step = 1, .values = {1}},
                                    {.step = 2, .values = {kNan}},
                                    {.step = 3, .values = {3}},
                                    {.step = 20, .values = {4}}};
  EXPECT_EQ(rungs->entered(std::span(reports)),
            (std::vector<const Report*>{&reports[2], &reports[3], &reports[3]}));  // at 2, 6 and 18
  const FinishedTrial pruned = trial(0, TrialState::kPruned, reports);
  EXPECT_EQ(rungs->entered(pruned).size(), 2u);  // its last report took it into one rung more, and no further
  EXPECT_TRUE(rungs->due(0, 2));
  EXPECT_FALSE(rungs->due(1, 5));
}

TEST(Rungs, NeverOverflow) {
  const auto rungs = Rungs::make(
      {.min_resource = std::int64_t{1} << 40, .reduction_factor = 1000000, .min_early_stopping_rate = 62}, {});
  const std::vector<Report> reports{{.step = std::numeric_limits<std::int64_t>::max() - 1, .values = {1}}};
  EXPECT_TRUE(rungs->entered(std::span(reports)).empty());
}

TEST(Rungs, WaitForACompleteTrialWhereTheyAreAutomatic) {
  const FinishedTrial running = trial(0, TrialState::kPruned, {{.step = 900, .values = {1}}});
  const FinishedTrial complete = trial(1, TrialState::kComplete, {{.step = 500, .values = {1}}});
  EXPECT_FALSE(Rungs::make({}, std::vector<const FinishedTrial*>{&running}));
  const auto rungs = Rungs::make({}, std::vector<const FinishedTrial*>{&running, &complete});
  ASSERT_TRUE(rungs);
  EXPECT_FALSE(rungs->due(0, 4));
  EXPECT_TRUE(rungs->due(0, 5));
}

TEST(Hyperband, TakesItsLargestResourceFromCompleteTrials) {
  const auto curves = of_one(golden::kCurves);
  const auto steps = counted_steps(curves.front().size());
  std::vector<std::int64_t> given =
      stops(*make("hyperband", "max_resource = 31\n", {Direction::kMaximize}).pruner, curves, steps);
  EXPECT_EQ(given.front(), 0);
  EXPECT_EQ(stops(*make("hyperband", "", {Direction::kMaximize}).pruner, curves, steps), given);
}

TEST(Moasha, DecidesAsAshaForOneObjective) {
  const auto curves = of_one(golden::kCurves);
  const auto steps = counted_steps(curves.front().size());
  for (const std::string options :
       {"", "min_resource = 1\nreduction_factor = 3\n", "min_resource = 2\nreduction_factor = 2\n"}) {
    for (const Direction direction : {Direction::kMinimize, Direction::kMaximize}) {
      EXPECT_EQ(stops(*make("moasha", options, {direction}).pruner, curves, steps),
                stops(*make("asha", options, {direction}).pruner, curves, steps))
          << options;
    }
  }
}

// Trials whose values at step 1 are these; decides about a further one.
bool moasha_prunes(const std::string& options, const std::vector<std::vector<double>>& others,
                   const std::vector<double>& own) {
  std::vector<FinishedTrial> history;
  for (const auto& values : others) {
    history.push_back(
        trial(static_cast<std::int64_t>(history.size()), TrialState::kComplete, {{.step = 1, .values = values}}));
  }
  const Made made = make("moasha", "min_resource = 1\nreduction_factor = 2\n" + options,
                         {Direction::kMaximize, Direction::kMinimize});
  return made.pruner->prune(99, std::vector<Report>{{.step = 1, .values = own}}, history);
}

TEST(Moasha, KeepsTheFrontAndEndsWhatManyDominate) {
  const std::vector<std::vector<double>> others{{0.9, 90}, {0.8, 50}, {0.7, 20}, {0.6, 60}, {0.5, 70}};
  EXPECT_FALSE(moasha_prunes("", others, {0.95, 15}));
  EXPECT_TRUE(moasha_prunes("", others, {0.4, 80}));
}

TEST(Moasha, BreaksTiesWithinARankByRoom) {
  // Eight mutually non-dominated trials, four places: the crowded middle goes.
  const std::vector<std::vector<double>> front{{0.90, 100}, {0.80, 60}, {0.70, 30}, {0.60, 10},
                                               {0.79, 59},  {0.78, 58}, {0.77, 57}};
  for (const char* ties : {"ties = \"crowding\"\n", "ties = \"hypervolume\"\n"}) {
    EXPECT_TRUE(moasha_prunes(ties, front, {0.785, 58.5})) << ties;
    EXPECT_FALSE(moasha_prunes(ties, front, {0.91, 20})) << ties;
  }
  EXPECT_FALSE(moasha_prunes("ties = \"crowding\"\n", front, {0.95, 200}));  // a new end of the front
}

TEST(Moasha, TreatsEqualTrialsEqually) {
  const std::vector<std::vector<double>> others{{0.9, 10}, {0.9, 10}, {0.9, 10}};
  EXPECT_FALSE(moasha_prunes("", others, {0.9, 10}));
  EXPECT_TRUE(moasha_prunes("", others, {0.8, 10}));
}

TEST(Moasha, SavesMostOfTheResourceOfBadTrials) {
  RandomStream stream(7, {1}, "moasha");
  std::vector<std::vector<std::vector<double>>> curves;
  for (int i = 0; i < 60; ++i) {
    const double size = 1 + 99 * stream.uniform(), quality = stream.uniform();
    curves.emplace_back();
    for (int step = 1; step <= 27; ++step) {
      curves.back().push_back({quality * std::log(size) * (1 - std::exp(-step / 5.0)), size});
    }
  }
  const std::vector<std::int64_t> ends = stops(
      *make("moasha", "min_resource = 1\nreduction_factor = 3\n", {Direction::kMaximize, Direction::kMinimize}).pruner,
      curves, counted_steps(27));
  std::int64_t used = 0;
  for (const std::int64_t end : ends) used += end == 0 ? 27 : end;
  EXPECT_LT(used, 60 * 27 / 2);
}

}  // namespace
}  // namespace lathe::pruner
