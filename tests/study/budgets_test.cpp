#include <gtest/gtest.h>

#include <algorithm>

#include "study/fixture.h"

// Whole studies with pruners and constraints: what must not depend on workers, restarts or repeated points.
namespace lathe::study {
namespace {

// Twelve trials over six points with repeats; some break the constraint, some are pruned.
std::string budgets(const std::string& n_jobs) {
  return trained_search(
      "n_trials = 12\nlag = 3\nsampler = \"random\"\nsampler_options = { deduplicate = false }\nn_jobs = " + n_jobs +
      "\n[search.strategy.constraints]\nmodel_size.max = 90\n[search.strategy.pruner]\nname = \"moasha\"\n"
      "min_resource = 1\nreduction_factor = 2\nties = \"hypervolume\"\n");
}

struct Outcome {
  std::vector<TrialState> states;
  std::vector<std::vector<double>> values, constraints;
  std::vector<std::vector<std::pair<std::int64_t, std::vector<double>>>> reports;
  std::vector<std::string> reasons;
  bool operator==(const Outcome&) const = default;
};

Outcome outcome_of(const StudyResult& result) {
  Outcome outcome;
  for (const Trial& trial : result.trials) {
    outcome.states.push_back(trial.state);
    outcome.values.push_back(trial.values);
    outcome.constraints.push_back(trial.constraints);
    outcome.reasons.push_back(trial.reason);
    outcome.reports.emplace_back();
    for (const sampler::Report& report : trial.reports) outcome.reports.back().emplace_back(report.step, report.values);
  }
  return outcome;
}

std::size_t count_of(const Outcome& outcome, const std::string& reason) {
  return static_cast<std::size_t>(
      std::count_if(outcome.reasons.begin(), outcome.reasons.end(),
                    [&](const std::string& text) { return text.find(reason) != std::string::npos; }));
}

TEST(Budgets, GiveTheSameStudyForEveryNumberOfJobs) {
  Fixture one(budgets("1")), three(budgets("3"));
  const Outcome first = outcome_of(one.run());
  EXPECT_GT(count_of(first, "pruned after epoch 1"), 0u);
  EXPECT_GT(count_of(first, "ruled out: model_size is"), 0u);
  EXPECT_EQ(std::count(first.states.begin(), first.states.end(), TrialState::kFail), 0);
  EXPECT_EQ(first, outcome_of(three.run()));
}

TEST(Budgets, GiveTheSameStudyAfterRestarts) {
  Fixture whole(budgets("1"));
  const Outcome undisturbed = outcome_of(whole.run());
  const auto storage = storage::open_memory();
  Outcome outcome;
  for (const std::size_t stop_after : {2u, 5u, 8u, 100u}) {
    Fixture part(budgets("2"));
    outcome =
        outcome_of(part.run_in(*storage, nullptr, [&](const Trial&, std::size_t ended, std::optional<std::int64_t>) {
          if (ended >= stop_after) part.stop.request();
        }));
  }
  EXPECT_EQ(undisturbed, outcome);
}

TEST(Budgets, TeachTheSamplerWhatIsRuledOut) {
  Fixture fixture(budgets("1"));
  const StudyResult result = fixture.run();
  for (const Trial& trial : result.trials) {
    ASSERT_EQ(trial.constraints.size(), 1u);
    const bool ruled_out = trial.reason.find("ruled out") == 0;
    EXPECT_EQ(trial.feasible(), !ruled_out);
    EXPECT_EQ(sampler::total_violation(trial.finished()) > 0, ruled_out);
    if (ruled_out) {
      EXPECT_EQ(trial.state, TrialState::kPruned);
      EXPECT_TRUE(trial.reports.empty());
    }
  }
  for (const std::size_t index : result.best) EXPECT_TRUE(result.trials[index].feasible());
}

}  // namespace
}  // namespace lathe::study
