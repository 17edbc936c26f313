#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "lathe/base/random.h"
#include "lathe/sampler/sampler.h"
#include "sampler/trial_sequence.h"

namespace lathe::sampler {
namespace {

/// Weighs each choice of twelve parameters by a fixed random number: the least sum is the optimum.
class SeparableProblem {
 public:
  SeparableProblem() {
    RandomStream stream(5, {}, "separable problem");
    for (double& weight : weights_) weight = stream.uniform();
  }
  std::vector<double> operator()(const Assignment& assignment) const {
    double sum = 0;
    for (std::size_t i = 0; i < assignment.size(); ++i)
      sum += weights_[6 * i + static_cast<std::size_t>(assignment[i])];
    return {sum};
  }
  double optimum() const {
    double sum = 0;
    for (std::size_t i = 0; i < 12; ++i) sum += *std::min_element(&weights_[6 * i], &weights_[6 * i] + 6);
    return sum;
  }

 private:
  std::array<double, 72> weights_{};
};

double mean_best(const std::string& name, const std::string& options, std::int64_t trials) {
  const config::Value table = config::parse_text(options, "a");
  const SeparableProblem problem;
  constexpr int kSeeds = 10;
  double mean = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    auto sampler = make_sampler({.name = name,
                                 .seed = seed,
                                 .space = parameter::Space::categorical(std::vector<std::int64_t>(12, 6)),
                                 .directions = {Direction::kMinimize},
                                 .options = &table});
    double best = 1e9;
    for (const auto& trial : run_trials(*sampler, problem, trials, 4)) best = std::min(best, trial.values[0]);
    mean += best / kSeeds;
  }
  return mean;
}

TEST(Evolution, ComesNearTheOptimumOfASeparableProblem) {
  const double optimum = SeparableProblem().optimum();
  const double random = mean_best("random", "", 200) - optimum;
  EXPECT_LT(mean_best("evolution", "", 200) - optimum, 0.25 * random);
  EXPECT_LT(mean_best("evolution", "aging = true\ncrossover_prob = 0.0\nfurther_mutation_prob = 0.0\n", 200) - optimum,
            0.3 * random);
  EXPECT_LT(mean_best("nsgaii", "population_size = 20\n", 200) - optimum, 0.5 * random);
  EXPECT_LT(mean_best("nsgaii", "", 200) - optimum, 0.8 * random);
}

TEST(Evolution, ChangesOneParameterOfTheBest) {
  const config::Value options = config::parse_text(
      "population_size = 5\nsample_size = 100\ncrossover_prob = 0.0\nfurther_mutation_prob = 0.0\n", "a");
  auto sampler = make_sampler({.name = "evolution",
                               .space = parameter::Space::categorical({9, 9, 9}),
                               .directions = {Direction::kMaximize},
                               .options = &options});
  for (std::int64_t number = 0; number < 5; ++number) {
    const FinishedTrial trial{
        number, Assignment(3, static_cast<double>(number)), TrialState::kComplete, {number == 2 ? 1.0 : 0.0}};
    sampler->announce(number, trial.assignment);
    sampler->tell(trial);
  }
  for (std::int64_t number = 5; number < 30; ++number) {
    const Assignment child = *sampler->ask(number);
    EXPECT_EQ(std::count(child.begin(), child.end(), 2.0), 2) << number;
  }
}

TEST(Evolution, ForgetsTheOldestWhenAging) {
  const config::Value options = config::parse_text(
      "population_size = 3\nsample_size = 100\naging = true\ncrossover_prob = 0.0\nfurther_mutation_prob = 0.0\n", "a");
  auto sampler = make_sampler({.name = "evolution",
                               .space = parameter::Space::categorical({9, 9, 9}),
                               .directions = {Direction::kMinimize},
                               .options = &options});
  for (std::int64_t number = 0; number < 4; ++number) {  // the best one is the oldest
    const auto value = static_cast<double>(number);
    sampler->announce(number, Assignment(3, value));
    sampler->tell({number, Assignment(3, value), TrialState::kComplete, {value}});
  }
  const Assignment child = *sampler->ask(4);
  EXPECT_EQ(std::count(child.begin(), child.end(), 1.0), 2);
}

}  // namespace
}  // namespace lathe::sampler
