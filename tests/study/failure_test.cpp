// Why trials fail, how that is stored, and which failures samplers learn from.
#include "lathe/trial/failure.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "study/fixture.h"

namespace lathe::study {
namespace {

/// A search of 36 points, whose larger learning rates diverge.
std::string diverging_search(const std::string& sampler) {
  std::string text = trained_search("n_trials = 30\nn_jobs = 1\nsampler = \"" + sampler + "\"\nlag = 3\n");
  text.replace(text.find("\"adam\""), 6, "\"sgd\"");
  return text + "[search.search_space.training]\nlearning_rate = [1e-3, 1e-2, 1e-1, 1e38, 2e38, 3e38]\n";
}

using Outcome = std::tuple<space::Assignment, TrialState, trial::Failure, std::vector<double>>;

std::vector<Outcome> outcomes(const StudyResult& result) {
  std::vector<Outcome> all;
  for (const Trial& trial : result.trials) all.emplace_back(trial.assignment, trial.state, trial.failure, trial.values);
  return all;
}

TEST(Failure, HasANameThatIsReadBack) {
  for (const trial::Failure failure :
       {trial::Failure::kDiverged, trial::Failure::kMemory, trial::Failure::kImpossible, trial::Failure::kTimeout,
        trial::Failure::kMachine, trial::Failure::kWorkers, trial::Failure::kRequest}) {
    EXPECT_FALSE(to_string(failure).empty());
    EXPECT_EQ(trial::failure_from_text(to_string(failure)), failure);
  }
  EXPECT_EQ(to_string(trial::Failure::kNone), "");
  EXPECT_EQ(trial::failure_from_text("of a later version"), trial::Failure::kNone);
}

TEST(Failure, IsOfTheCandidateOrOfTheWorld) {
  for (const trial::Failure failure :
       {trial::Failure::kDiverged, trial::Failure::kMemory, trial::Failure::kImpossible}) {
    EXPECT_TRUE(trial::is_of_candidate(failure)) << to_string(failure);
  }
  for (const trial::Failure failure : {trial::Failure::kNone, trial::Failure::kTimeout, trial::Failure::kMachine,
                                       trial::Failure::kWorkers, trial::Failure::kRequest}) {
    EXPECT_FALSE(trial::is_of_candidate(failure)) << to_string(failure);
  }
}

TEST(Failure, OfAnEvaluation) {
  const auto of = [](bool trial::Evaluation::*flag) {
    trial::Evaluation evaluation;
    evaluation.*flag = true;
    return trial::failure_of(evaluation);
  };
  EXPECT_EQ(of(&trial::Evaluation::complete), trial::Failure::kNone);
  EXPECT_EQ(of(&trial::Evaluation::pruned), trial::Failure::kNone);
  EXPECT_EQ(of(&trial::Evaluation::ruled_out), trial::Failure::kNone);
  EXPECT_EQ(of(&trial::Evaluation::interrupted), trial::Failure::kNone);
  EXPECT_EQ(of(&trial::Evaluation::timed_out), trial::Failure::kTimeout);
  EXPECT_EQ(of(&trial::Evaluation::out_of_memory), trial::Failure::kMemory);
  EXPECT_EQ(trial::failure_of(trial::Evaluation()), trial::Failure::kDiverged);
}

TEST(Failure, OfAnError) {
  EXPECT_EQ(trial::failure_of(UserError("a kernel larger than its image")), trial::Failure::kImpossible);
  EXPECT_EQ(trial::failure_of(UnsupportedError("no back end for it")), trial::Failure::kImpossible);
  EXPECT_EQ(trial::failure_of(SystemError("write", "states/a.bin", "No space left on device")),
            trial::Failure::kMachine);
  EXPECT_EQ(trial::failure_of(DataError("base.safetensors", "is truncated")), trial::Failure::kMachine);
}

TEST(Failure, OfTheTextsOfEarlierVersions) {
  const auto of = [](const char* reason) { return trial::failure_of_reason(reason, true); };
  EXPECT_EQ(of("diverged: loss is not finite at step 12"), trial::Failure::kDiverged);
  EXPECT_EQ(of("diverged: its loss on the evaluated rows is not finite"), trial::Failure::kDiverged);
  EXPECT_EQ(of("the metric r2 is not finite"), trial::Failure::kDiverged);
  EXPECT_EQ(of("the objective area is not finite"), trial::Failure::kDiverged);
  EXPECT_EQ(of("seed 2 of 3: diverged: loss is not finite at step 1"), trial::Failure::kDiverged);
  EXPECT_EQ(of("needs 31.2 GB, max_memory is 20.1 GB (what was free at the start)"), trial::Failure::kMemory);
  EXPECT_EQ(of("needs 3.2 MB, trial_memory is 1 MB"), trial::Failure::kMemory);
  EXPECT_EQ(of("out of memory (3 MB planned): the device has 1 MB"), trial::Failure::kMemory);
  EXPECT_EQ(of("seed 3 of 3: out of memory (3 MB planned)"), trial::Failure::kMemory);
  EXPECT_EQ(of("trial_timeout of 2 s struck at step 3 of 9"), trial::Failure::kTimeout);
  EXPECT_EQ(of("seed 2 of 2: trial_timeout of 2 s struck during its evaluation"), trial::Failure::kTimeout);
  EXPECT_EQ(of("given up: its workers died 3 times while they ran it"), trial::Failure::kWorkers);
  EXPECT_EQ(of("cannot write states/a.bin: No space left on device"), trial::Failure::kMachine);
  EXPECT_EQ(of(""), trial::Failure::kNone);
  EXPECT_EQ(trial::failure_of_reason("out of memory while its network was made", false), trial::Failure::kMemory);
  EXPECT_EQ(trial::failure_of_reason("width: the enqueued value 7 is not one of this study", false),
            trial::Failure::kRequest);
  EXPECT_EQ(trial::failure_of_reason("enqueued with values that are not of this study", false),
            trial::Failure::kRequest);
  EXPECT_EQ(trial::failure_of_reason("conv: the kernel is larger than the image", false), trial::Failure::kImpossible);
}

TEST(Failure, IsStoredAndOldTrialsAreJudgedByTheirText) {
  Fixture fixture(diverging_search("random"));
  const StudyResult result = fixture.run();
  std::size_t failed = 0;
  for (const Trial& trial : result.trials) {
    EXPECT_EQ(trial.failure, trial.state == TrialState::kFail ? trial::Failure::kDiverged : trial::Failure::kNone);
    storage::Trial stored = storage_trial(trial);
    stored.parameters = storage_parameters(fixture.space.parameters(), trial.assignment);
    EXPECT_EQ(stored.user_attributes.contains("lathe:failure"), trial.state == TrialState::kFail);
    EXPECT_EQ(read_trial(fixture.settings, fixture.space, stored).trial.failure, trial.failure);
    stored.user_attributes.erase("lathe:failure");  // as the version before stored it
    const Trial read = read_trial(fixture.settings, fixture.space, stored).trial;
    EXPECT_EQ(read.failure, trial.failure);
    EXPECT_EQ(read.state, trial.state);
    EXPECT_EQ(read.finished().point_failed, trial.state == TrialState::kFail);
    failed += trial.state == TrialState::kFail ? 1 : 0;
  }
  EXPECT_GT(failed, 5u);
  EXPECT_LT(failed, 25u);
}

TEST(Failure, OfOtherProgramsTeachesNothing) {
  Fixture fixture(diverging_search("tpe"));
  storage::Trial stored{
      .number = 0, .state = TrialState::kFail, .parameters = storage_parameters(fixture.space.parameters(), {2, 0, 1})};
  EXPECT_FALSE(read_trial(fixture.settings, fixture.space, stored).trial.finished().point_failed);
  stored.state = TrialState::kComplete;
  stored.values = {0.5, std::nan("")};
  EXPECT_TRUE(read_trial(fixture.settings, fixture.space, stored).trial.finished().point_failed);
}

TEST(Failure, TeachesTheSamplerOnceAndInOrder) {
  class Recorder final : public sampler::Sampler {
   public:
    Recorder(std::unique_ptr<sampler::Sampler> inner, std::vector<sampler::FinishedTrial>& told)
        : inner_(std::move(inner)), told_(told) {}
    std::optional<space::Assignment> ask(std::int64_t number) override { return inner_->ask(number); }
    void announce(std::int64_t number, const space::Assignment& assignment) override {
      inner_->announce(number, assignment);
    }
    void tell(const sampler::FinishedTrial& trial) override {
      told_.push_back(trial);
      inner_->tell(trial);
    }

   private:
    std::unique_ptr<sampler::Sampler> inner_;
    std::vector<sampler::FinishedTrial>& told_;
  };
  Fixture fixture(diverging_search("tpe"));
  std::vector<sampler::FinishedTrial> told;
  const StudyResult result = fixture.run(std::make_unique<Recorder>(fixture.make_sampler(), told));
  ASSERT_GT(told.size(), 20u);
  for (std::size_t i = 0; i < told.size(); ++i) {
    EXPECT_EQ(told[i].number, static_cast<std::int64_t>(i));
    EXPECT_EQ(told[i].state, result.trials[i].state);
    EXPECT_EQ(told[i].point_failed, result.trials[i].state == TrialState::kFail);
  }
}

TEST(Failure, LeavesAStudyTheSameAfterARestartAndForAllWorkers) {
  for (const char* sampler : {"tpe", "gp", "nsgaii"}) {
    Fixture undisturbed(diverging_search(sampler));
    const std::vector<Outcome> expected = outcomes(undisturbed.run());
    ASSERT_EQ(expected.size(), 30u);
    const auto storage = storage::open_memory();
    Fixture first(diverging_search(sampler));
    first.run_in(*storage, nullptr, [&](const Trial&, std::size_t ended, std::optional<std::int64_t>) {
      if (ended == 17) first.stop.request();
    });
    Fixture second(diverging_search(sampler));
    second.settings.n_jobs = 3;
    EXPECT_EQ(outcomes(second.run_in(*storage)), expected) << sampler;
  }
}

TEST(Failure, OfMemoryIsTaught) {
  Fixture fixture(trained_search("n_trials = 6\nn_jobs = 1\nsampler = \"brute_force\"\n"));
  fixture.settings.trial_memory_bytes = 1;
  for (const Trial& trial : fixture.run().trials) {
    EXPECT_EQ(trial.failure, trial::Failure::kMemory);
    EXPECT_TRUE(trial.finished().point_failed);
  }
}

TEST(Failure, OfTimeIsNotTaught) {
  Fixture fixture(trained_search("n_trials = 6\nn_jobs = 1\nsampler = \"brute_force\"\n"));
  fixture.settings.trial_timeout_seconds = 1e-9;
  for (const Trial& trial : fixture.run().trials) {
    EXPECT_EQ(trial.failure, trial::Failure::kTimeout);
    EXPECT_FALSE(trial.finished().point_failed);
  }
}

}  // namespace
}  // namespace lathe::study
