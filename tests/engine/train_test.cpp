#include "lathe/engine/train.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

#include "engine/fake_session.h"
#include "lathe/base/error.h"

namespace lathe::engine {
namespace {

TrainSettings settings_of(std::int64_t batch_size, std::int64_t epochs) {
  TrainSettings settings;
  settings.batch_size = batch_size;
  settings.max_epochs = epochs;
  settings.learning_rate = 0.125;
  settings.log_every_n_steps = 0;
  return settings;
}

TrainReport run(FakeSession& session, const TrainSettings& settings, std::int64_t rows, bool batch_norm = false) {
  const StopToken stop;
  return train(session, small_graph(batch_norm), small_dataset(rows), settings, {.seed = 7}, stop);
}

std::vector<std::size_t> batch_sizes(const FakeSession& session) {
  std::vector<std::size_t> sizes;
  for (const auto& call : session.calls) sizes.push_back(call.rows.size());
  return sizes;
}

TEST(Train, SeesEveryRowOncePerEpochAndKeepsTheShortBatch) {
  FakeSession session;
  const TrainReport report = run(session, settings_of(4, 2), 10);
  EXPECT_EQ(batch_sizes(session), (std::vector<std::size_t>{4, 4, 2, 4, 4, 2}));
  std::multiset<std::uint32_t> first_epoch;
  for (std::size_t i = 0; i < 3; ++i) first_epoch.insert(session.calls[i].rows.begin(), session.calls[i].rows.end());
  EXPECT_EQ(first_epoch, (std::multiset<std::uint32_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(report.outcome, TrainOutcome::kCompleted);
  EXPECT_EQ(report.steps, 6);
  EXPECT_EQ(report.samples, 20);
  EXPECT_DOUBLE_EQ(session.calls[2].loss_scale, 0.5);
  EXPECT_EQ(session.optimizers_set, 1);
}

TEST(Train, ShufflesByIdentityAndEpochAlone) {
  FakeSession first, second, other;
  run(first, settings_of(4, 2), 10);
  run(second, settings_of(4, 2), 10);
  EXPECT_EQ(first.calls[0].rows, second.calls[0].rows);
  EXPECT_NE(first.calls[0].rows, first.calls[3].rows);
  const StopToken stop;
  train(other, small_graph(false), small_dataset(10), settings_of(4, 2), {.seed = 7, .repeat = 1}, stop);
  EXPECT_NE(first.calls[0].rows, other.calls[0].rows);
  EXPECT_NE(first.calls[0].dropout_seed, first.calls[1].dropout_seed);
}

TEST(Train, KeepsTheOrderWithoutShuffle) {
  FakeSession session;
  TrainSettings settings = settings_of(4, 1);
  settings.shuffle = false;
  run(session, settings, 6);
  EXPECT_EQ(session.calls[0].rows, (std::vector<std::uint32_t>{0, 1, 2, 3}));
  EXPECT_EQ(session.calls[1].rows, (std::vector<std::uint32_t>{4, 5}));
}

TEST(Train, JoinsAOneRowBatchToTheOneBeforeUnderBatchNorm) {
  FakeSession plain, coupled;
  run(plain, settings_of(4, 1), 9);
  run(coupled, settings_of(4, 1), 9, true);
  EXPECT_EQ(batch_sizes(plain), (std::vector<std::size_t>{4, 4, 1}));
  EXPECT_EQ(batch_sizes(coupled), (std::vector<std::size_t>{4, 5}));
  EXPECT_EQ(largest_batch(settings_of(4, 1), small_graph(true), 9), 5);
  EXPECT_EQ(largest_batch(settings_of(4, 1), small_graph(true), 8), 4);
  EXPECT_EQ(largest_batch(settings_of(400, 1), small_graph(true), 8), 8);
}

TEST(Train, RefusesOneRowBatchesUnderBatchNorm) {
  FakeSession session;
  try {
    run(session, settings_of(1, 1), 9, true);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_STREQ(error.what(),
                 "batch_size: node blocks_0 (batch_norm1d) needs at least 2 rows in a training batch; got 1");
  }
}

TEST(Train, AccumulatesGradientsOverTheRowsOfTheWholeStep) {
  FakeSession session;
  TrainSettings settings = settings_of(4, 1);
  settings.accumulate_grad_batches = 2;
  const TrainReport report = run(session, settings, 10);
  EXPECT_EQ(report.steps, 2);
  ASSERT_EQ(session.calls.size(), 3u);
  EXPECT_DOUBLE_EQ(session.calls[0].loss_scale, 1.0 / 8);
  EXPECT_DOUBLE_EQ(session.calls[1].loss_scale, 1.0 / 8);
  EXPECT_DOUBLE_EQ(session.calls[2].loss_scale, 1.0 / 2);
}

TEST(Train, NumSamplesCountsTheSamplesOfTheWholeRun) {
  const ir::Graph graph = small_graph(false);
  TrainSettings settings = settings_of(4, 3);
  settings.num_samples = 15;  // an epoch of three batches, and two of the next
  EXPECT_EQ(planned_steps(settings, graph, 10), 5);
  FakeSession session;
  EXPECT_EQ(run(session, settings, 10).samples, 18);
  settings.num_samples = 1'000'000;  // capped at max_epochs
  EXPECT_EQ(planned_steps(settings, graph, 10), 9);
  settings.num_samples = -1;  // MASE's -1 is one sample
  EXPECT_EQ(planned_steps(settings, graph, 10), 1);
  settings.num_samples = std::nullopt;
  settings.max_steps = 5;
  EXPECT_EQ(planned_steps(settings, graph, 10), 5);
  settings.accumulate_grad_batches = 2;
  settings.max_steps = std::nullopt;
  EXPECT_EQ(planned_steps(settings, graph, 10), 6);
}

TEST(Train, TheScheduleSpansTheStepsThatAreTaken) {
  FakeSession session;
  TrainSettings settings = settings_of(4, 100);
  settings.schedule = "linear";
  settings.num_samples = 16;
  run(session, settings, 100);
  EXPECT_EQ(session.learning_rates, (std::vector<double>{0.125, 0.09375, 0.0625, 0.03125}));
}

TEST(Train, RecordsDivergenceWithTheStep) {
  FakeSession session;
  session.diverge_at_call = 3;
  const TrainReport report = run(session, settings_of(4, 2), 10);
  EXPECT_EQ(report.outcome, TrainOutcome::kDiverged);
  EXPECT_EQ(report.reason, "loss is not finite at step 3");
  EXPECT_EQ(report.steps, 2);
  EXPECT_EQ(session.learning_rates.size(), 2u);
}

TEST(Train, RecordsADivergedValidation) {
  FakeSession session;
  session.validation_losses = {1.0, std::numeric_limits<double>::infinity()};
  const TrainReport report = run(session, settings_of(4, 5), 8);
  EXPECT_EQ(report.outcome, TrainOutcome::kDiverged);
  EXPECT_EQ(report.reason, "validation loss is not finite after step 4");
  EXPECT_EQ(report.best_validation_loss, 1.0);
}

TEST(Train, KeepsTheBestStateByValidationLoss) {
  FakeSession session;
  session.validation_losses = {3.0, 1.0, 2.0};
  State after_second;
  const StopToken stop;
  const EpochEnd epoch_end = [&](std::int64_t epoch, const TrainReport&) {
    if (epoch == 2) after_second = session.state();
    return true;
  };
  const TrainReport report = train(session, small_graph(false), small_dataset(8), settings_of(4, 3), {.seed = 1}, stop,
                                   {.epoch_end = epoch_end});
  EXPECT_EQ(report.best_validation_loss, 1.0);
  EXPECT_EQ(report.best_state, after_second);
}

TEST(Train, WritesRowsAtTheSpacingAndAtTheEndOfEpochs) {
  FakeSession session;
  TrainSettings settings = settings_of(2, 2);
  settings.log_every_n_steps = 2;
  settings.shuffle = false;
  std::vector<std::int64_t> shown;
  const StopToken stop;
  const TrainReport report = train(session, small_graph(false), small_dataset(10), settings, {}, stop,
                                   {.progress = [&](std::int64_t, std::int64_t, const HistoryRow* row) {
                                     if (row != nullptr) shown.push_back(row->step);
                                   }});
  std::vector<std::int64_t> steps;
  for (const HistoryRow& row : report.history) steps.push_back(row.step);
  EXPECT_EQ(steps, (std::vector<std::int64_t>{2, 4, 5, 6, 8, 10}));
  EXPECT_EQ(shown, steps);
  EXPECT_DOUBLE_EQ(*report.history[0].train_loss, (1.0 + 1.0 / 2 + 1.0 / 3 + 1.0 / 4) / 4);
  EXPECT_DOUBLE_EQ(*report.history[0].train_accuracy, 0.5);
  EXPECT_FALSE(report.history[0].validation_loss);
  EXPECT_TRUE(report.history[2].validation_loss);
  EXPECT_DOUBLE_EQ(*report.history[2].train_loss, (1.0 / 9 + 1.0 / 10) / 2);
  EXPECT_DOUBLE_EQ(report.history[2].epoch, 1.0);
}

TEST(Train, StopsWhenTheTokenSaysSo) {
  FakeSession session;
  StopToken stop, outer;
  stop.follow(&outer);
  const EpochEnd epoch_end = [&](std::int64_t epoch, const TrainReport&) {
    if (epoch == 2) outer.request();
    return true;
  };
  const TrainReport report =
      train(session, small_graph(false), small_dataset(8), settings_of(4, 9), {}, stop, {.epoch_end = epoch_end});
  EXPECT_EQ(report.outcome, TrainOutcome::kStopped);
  EXPECT_EQ(report.reason, "stopped after step 4");
  EXPECT_EQ(report.steps, 4);
}

TEST(Train, StopsWhenTheEpochEndSaysSo) {
  FakeSession session;
  const StopToken stop;
  const TrainReport report = train(session, small_graph(false), small_dataset(8), settings_of(4, 9), {}, stop,
                                   {.epoch_end = [](std::int64_t epoch, const TrainReport&) { return epoch < 3; }});
  EXPECT_EQ(report.outcome, TrainOutcome::kStopped);
  EXPECT_EQ(report.reason, "stopped after epoch 3");
  EXPECT_EQ(report.history.size(), 3u);
}

TEST(Train, EndsAtTheTimeLimit) {
  FakeSession session;
  StopToken stop;
  stop.set_deadline(std::chrono::steady_clock::now() - std::chrono::seconds(1));
  const TrainReport report = train(session, small_graph(false), small_dataset(8), settings_of(4, 9), {}, stop);
  EXPECT_EQ(report.outcome, TrainOutcome::kTimedOut);
  EXPECT_EQ(report.reason, "time limit reached after step 1");
}

TEST(Train, ARunWhoseLastStepWasTakenIsComplete) {
  FakeSession session;
  StopToken stop;
  stop.request();
  EXPECT_EQ(train(session, small_graph(false), small_dataset(4), settings_of(4, 1), {}, stop).outcome,
            TrainOutcome::kCompleted);
}

TEST(Train, RefusesImpossibleSettings) {
  FakeSession session;
  TrainSettings settings = settings_of(4, 0);
  EXPECT_THROW(run(session, settings, 8), UserError);
  settings = settings_of(0, 1);
  EXPECT_THROW(run(session, settings, 8), UserError);
  EXPECT_THROW(run(session, settings_of(4, 1), 0), DataError);
}

// The steps at which a run of 10 rows in batches of 4 stops for intermediate results.
std::vector<std::int64_t> interim_steps(FakeSession& session, Resource resource, std::int64_t interval,
                                        std::int64_t stop_at = -1, const ResumePoint* resume = nullptr,
                                        TrainReport* report = nullptr) {
  std::vector<std::int64_t> steps;
  const Interim interim{.resource = resource, .interval = interval, .call = [&](std::int64_t step, const TrainReport&) {
                          steps.push_back(step);
                          return step != stop_at;
                        }};
  const StopToken stop;
  const TrainReport done = train(session, small_graph(false), small_dataset(10), settings_of(4, 4), {.seed = 7}, stop,
                                 {.interim = interim, .resume = resume});
  if (report != nullptr) *report = done;
  return steps;
}

TEST(Interim, ComesAfterEveryIntervalOfTheResource) {
  FakeSession session;
  EXPECT_EQ(interim_steps(session, Resource::kEpochs, 1), (std::vector<std::int64_t>{1, 2, 3, 4}));
  EXPECT_EQ(interim_steps(session, Resource::kEpochs, 3), (std::vector<std::int64_t>{3}));
  // Steps see 4, 8, 10, 14, 18, 20, ... 40 samples.
  EXPECT_EQ(interim_steps(session, Resource::kSamples, 10), (std::vector<std::int64_t>{10, 20, 30, 40}));
  EXPECT_EQ(interim_steps(session, Resource::kSamples, 15), (std::vector<std::int64_t>{18, 30}));
  EXPECT_EQ(interim_steps(session, Resource::kSamples, 1),
            (std::vector<std::int64_t>{4, 8, 10, 14, 18, 20, 24, 28, 30, 34, 38, 40}));
  EXPECT_TRUE(interim_steps(session, Resource::kSeconds, 1000).empty());
}

TEST(Interim, LeavesTheRunAsItIs) {
  FakeSession plain, interrupted;
  run(plain, settings_of(4, 4), 10);
  interim_steps(interrupted, Resource::kSamples, 1);
  EXPECT_EQ(plain.state(), interrupted.state());
  EXPECT_EQ(plain.learning_rates, interrupted.learning_rates);
}

TEST(Interim, EndsTheRunButNotAfterItsLastStep) {
  FakeSession session;
  TrainReport report;
  EXPECT_EQ(interim_steps(session, Resource::kSamples, 10, 20, nullptr, &report), (std::vector<std::int64_t>{10, 20}));
  EXPECT_EQ(report.outcome, TrainOutcome::kStopped);
  EXPECT_EQ(report.samples, 20);
  interim_steps(session, Resource::kEpochs, 1, 4, nullptr, &report);
  EXPECT_EQ(report.outcome, TrainOutcome::kCompleted);
}

TEST(Interim, KeepsItsPlacesAfterAResume) {
  FakeSession session;
  ResumePoint after_four_steps;
  after_four_steps.steps = 4;  // 14 samples
  EXPECT_EQ(interim_steps(session, Resource::kSamples, 10, -1, &after_four_steps),
            (std::vector<std::int64_t>{20, 30, 40}));
}

}  // namespace
}  // namespace lathe::engine
