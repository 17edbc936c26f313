#include <gtest/gtest.h>

#include "lathe/sampler/sampler.h"
#include "sampler/trial_sequence.h"

namespace lathe::sampler {
namespace {

SamplerSettings settings(const std::vector<std::int64_t>& sizes, std::int64_t trials, std::size_t objectives = 1) {
  return {.name = "auto",
          .seed = 3,
          .space = parameter::Space::categorical(sizes),
          .directions = std::vector(objectives, Direction::kMinimize),
          .n_trials = trials};
}

std::string explained(const SamplerSettings& of) { return make_sampler(of)->explanation(); }

TEST(Auto, SaysWhatItPickedAndWhy) {
  EXPECT_EQ(explained(settings({2, 3, 3}, 50)), "brute_force: the space has 18 points, and 50 trials are planned");
  EXPECT_EQ(explained(settings(std::vector<std::int64_t>(12, 6), 200)),
            "gp: 12 parameters (categorical), 1 objective, 200 trials");
  EXPECT_EQ(
      explained(settings(std::vector<std::int64_t>(12, 6), 3000, 2)),
      "gp for 500 trials, then evolution from what they found: 12 parameters (categorical), 2 objectives, 3000 trials");
  EXPECT_EQ(explained(settings(std::vector<std::int64_t>(12, 6), 200, 4)),
            "nsgaiii: 12 parameters (categorical), 4 objectives, 200 trials; more than 3 objectives");
  EXPECT_EQ(explained(settings(std::vector<std::int64_t>(300, 2), 200)),
            "evolution: 300 parameters (categorical), 1 objective, 200 trials; a model of so many is slow");
  SamplerSettings numeric = settings({2}, 40);
  numeric.space =
      parameter::Space({{"op", parameter::Categorical{{std::string("a"), std::string("b")}}},
                        {"lr", parameter::Float{.low = 0, .high = 1}, parameter::Condition{0, {true, false}}}});
  EXPECT_EQ(explained(numeric), "gp: 2 parameters (1 of them numeric, some conditional), 1 objective, 40 trials");
}

TEST(Auto, ProposesWhatItsPickProposes) {
  const auto objective = [](const Assignment& x) { return std::vector{x[0] * x[1] - x[2]}; };
  SamplerSettings of = settings({8, 8, 8}, 40);
  const auto picked = assignments(run_trials(*make_sampler(of), objective, 40, 4));
  of.name = "gp";
  EXPECT_EQ(picked, assignments(run_trials(*make_sampler(of), objective, 40, 4)));
}

TEST(Auto, EvolvesWhatTheModelFound) {
  SamplerSettings of = settings({3}, 560);
  of.space = parameter::Space(
      {{"x", parameter::Integer{.low = 0, .high = 400}}, {"y", parameter::Integer{.low = 0, .high = 400}}});
  const auto objective = [](const Assignment& x) { return std::vector{std::abs(x[0] - 170) + std::abs(x[1] - 50)}; };
  // Points given by hand stand in for those of the model, which would take seconds.
  auto sampler = make_sampler(of);
  std::map<std::int64_t, Assignment> given;
  for (std::int64_t number = 0; number < 500; ++number) {
    given[number] = {static_cast<double>(number % 401), static_cast<double>((number * 7) % 401)};
  }
  const auto outcome = [&](const Assignment& x) { return FinishedTrial{.assignment = {}, .values = objective(x)}; };
  const auto trials = run_outcomes(*sampler, outcome, 560, 4, given);
  double late = 0;
  for (std::size_t i = 500; i < 560; ++i) late += trials[i].values[0] / 60;
  EXPECT_LT(late, 90);  // random points are 230 away on average
}

}  // namespace
}  // namespace lathe::sampler
