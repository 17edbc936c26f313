#include "lathe/app/train.h"

#include <gtest/gtest.h>

#include <thread>

#include "app/small_study.h"
#include "lathe/app/search.h"
#include "lathe/app/test.h"
#include "lathe/app/train_trial.h"
#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "log_lines.h"
#include "program.h"

namespace lathe::app {
namespace {

namespace fs = std::filesystem;
using lathe::testing::TemporaryFolder;
using testing::Counts;
using testing::small_request;

/// Trains in a folder of its own and returns the bytes of the last weights.
std::vector<std::byte> trained(const fs::path& folder, Progress* progress = nullptr) {
  fs::create_directories(folder);
  Request request = small_request(folder);
  request.progress = progress;
  TrainingJob job = ready_training(request);
  const TrainingResult result = train_network(request, job);
  EXPECT_EQ(result.report.outcome, engine::TrainOutcome::kCompleted);
  EXPECT_EQ(job.folder.parent_path(), folder / "p" / "trainings");
  return read_file(TrainingFiles(job.folder).last);
}

TEST(Training, TwoAtOnceTrainWhatEachTrainsAlone) {
  const TemporaryFolder folder;
  const log::Capture process;
  const std::vector<std::byte> alone = trained(folder.path() / "alone");
  const std::string before = process.text();
  std::vector<std::byte> weights[2];
  lathe::testing::LogLines messages[2];
  Counts counts[2];
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] {
      const log::Scope scope(&messages[i]);
      weights[i] = trained(folder.path() / std::to_string(i), &counts[i]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(process.text(), before) << "their messages are their own";
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(weights[i], alone);
    EXPECT_NE(messages[i].text().find("Training is completed"), std::string::npos);
    EXPECT_TRUE(counts[i].has("train"));
  }
}

TEST(Training, ACallerEndsItAndGoesOn) {
  const TemporaryFolder folder;
  const log::Capture quiet;
  const std::vector<std::byte> whole = trained(folder.path() / "whole");
  const Request request = small_request(folder.path());
  engine::StopToken stop;
  TrainingJob job = ready_training(request);
  EXPECT_FALSE(fs::exists(folder.path() / "p")) << "nothing is written before it begins";
  const TrainingResult cut = train_network(request, job, {.stop = &stop, .begun = [&] { stop.request(); }});
  EXPECT_EQ(cut.report.outcome, engine::TrainOutcome::kStopped);
  TrainingJob rest = ready_training(request, true);
  EXPECT_EQ(rest.folder, job.folder);
  train_network(request, rest);
  EXPECT_EQ(read_file(TrainingFiles(rest.folder).last), whole);
}

TEST(TrainTrial, GivesTheBitsOfTheTrialAgain) {
  const TemporaryFolder folder;
  const log::Capture quiet;
  const Request request = small_request(folder.path());
  const auto ready = ready_search(request);
  const auto searched = run_search(request, *ready);
  ASSERT_TRUE(searched);
  const study::Trial& then = searched->study.trials.at(1);

  Request again;  // from elsewhere: study and data follow from what is stored
  TrialTrainingOptions options{.study = (folder.path() / "p").string(), .trial = 1};
  auto training = ready_trial_training(again, options);
  ASSERT_TRUE(training);
  EXPECT_TRUE(training->trial.same_candidate);
  const TrialTrainingResult result = train_trial(again, *training, options);
  ASSERT_EQ(result.seeds.size(), 1U);
  EXPECT_EQ(result.seeds[0].result.last->accuracy(), then.evaluation->metrics.at("accuracy"));
  EXPECT_FALSE(result.summary);

  options.seeds = 2;
  training = ready_trial_training(again, options);
  const TrialTrainingResult several = train_trial(again, *training, options);
  ASSERT_EQ(several.seeds.size(), 2U);
  EXPECT_TRUE(several.summary->means.contains("validation_accuracy"));
  EXPECT_TRUE(fs::exists(training->job.folder / "seeds.json"));
  options.trial = 99;
  EXPECT_THROW(ready_trial_training(again, options), UserError);
}

TEST(Training, ItsWeightsAreTested) {
  const TemporaryFolder folder;
  const log::Capture quiet;
  Request request = small_request(folder.path());
  EXPECT_THROW(test_network(request), UserError) << "no weights";
  TrainingJob job = ready_training(request);
  job.test = true;
  const TrainingResult trained = train_network(request, job);
  request.settings.load_name = TrainingFiles(job.folder).last.string();
  const TestResult tested = test_network(request);
  EXPECT_EQ(tested.network.weights_origin, request.settings.load_name);
  EXPECT_EQ(tested.evaluation.rows, tested.dataset->test.rows());
  EXPECT_EQ(tested.evaluation.loss(), trained.test->loss());
}

}  // namespace
}  // namespace lathe::app
