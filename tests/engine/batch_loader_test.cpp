#include "lathe/engine/batch_loader.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "engine/fake_session.h"
#include "lathe/base/error.h"

namespace lathe::engine {
namespace {

// Makes images [1, 3, 4] of which no two pixels are equal.
data::Dataset image_dataset(std::int64_t rows) {
  data::Dataset dataset;
  dataset.name = "images";
  dataset.classes = 3;
  for (data::Samples* part : {&dataset.train, &dataset.validation}) {
    part->width = 12;
    part->shape = {1, 3, 4};
    for (std::int64_t i = 0; i < rows * 12; ++i) part->features.push_back(static_cast<float>(i + 1));
    for (std::int64_t row = 0; row < rows; ++row) part->labels.push_back(static_cast<std::int32_t>(row % 3));
  }
  return dataset;
}

// Keeps what it is trained on.
class RecordingSession : public FakeSession {
 public:
  BatchResult accumulate(const data::Samples& samples, std::span<const std::uint32_t> rows, double loss_scale,
                         std::uint64_t dropout_seed) override {
    if (delay.count() > 0) std::this_thread::sleep_for(delay);
    for (const std::uint32_t row : rows) {
      const auto begin = samples.features.begin() + row * samples.width;
      images.emplace_back(begin, begin + samples.width);
      labels.push_back(samples.labels[row]);
    }
    return FakeSession::accumulate(samples, rows, loss_scale, dropout_seed);
  }
  void update(double learning_rate) override {
    FakeSession::update(learning_rate);
    if (stop != nullptr && learning_rates.size() == stop_after) stop->request();
  }

  std::vector<std::vector<float>> images;
  std::vector<std::int32_t> labels;
  std::chrono::milliseconds delay{0};
  StopToken* stop = nullptr;
  std::size_t stop_after = 0;
};

TrainSettings augmented_settings() {
  TrainSettings settings;
  settings.batch_size = 4;
  settings.max_epochs = 3;
  settings.accumulate_grad_batches = 2;
  settings.augmentation = {.random_crop = 1, .horizontal_flip = true, .cutout = 1};
  return settings;
}

const RunIdentity kIdentity{.seed = 3, .candidate = 5};

TrainReport run(Session& session, const data::Dataset& dataset, const TrainSettings& settings,
                const StopToken& stop = StopToken(), const ResumePoint* resume = nullptr) {
  return train(session, small_graph(false), dataset, settings, kIdentity, stop, {.resume = resume});
}

// Returns which row an image was made of: its pixels tell.
std::int64_t row_of(const std::vector<float>& image) {
  for (const float pixel : image)
    if (pixel > 0) return static_cast<std::int64_t>(pixel - 1) / 12;
  return -1;
}

TEST(BatchLoader, GivesEveryRowOncePerEpochWithItsLabel) {
  const data::Dataset dataset = image_dataset(18);
  RecordingSession session;
  const TrainReport report = run(session, dataset, augmented_settings());
  EXPECT_EQ(report.outcome, TrainOutcome::kCompleted);
  ASSERT_EQ(session.images.size(), 54u);
  for (std::size_t epoch = 0; epoch < 3; ++epoch) {
    std::vector<int> seen(18);
    for (std::size_t i = epoch * 18; i < (epoch + 1) * 18; ++i) {
      const std::int64_t row = row_of(session.images[i]);
      ASSERT_GE(row, 0);
      ++seen[static_cast<std::size_t>(row)];
      EXPECT_EQ(session.labels[i], row % 3);
    }
    EXPECT_EQ(seen, std::vector<int>(18, 1));
  }
  for (const FakeSession::Call& call : session.calls)
    for (std::size_t i = 0; i < call.rows.size(); ++i) EXPECT_EQ(call.rows[i], i);
}

TEST(BatchLoader, TakesTheRowsInTheOrderOfARunWithout) {
  const data::Dataset dataset = image_dataset(18);
  TrainSettings settings = augmented_settings();
  RecordingSession changed, plain;
  run(changed, dataset, settings);
  settings.augmentation = {};
  run(plain, dataset, settings);
  ASSERT_EQ(changed.images.size(), plain.images.size());
  int equal = 0;
  for (std::size_t i = 0; i < plain.images.size(); ++i) {
    EXPECT_EQ(row_of(changed.images[i]), row_of(plain.images[i]));
    equal += changed.images[i] == plain.images[i];
  }
  EXPECT_LT(equal, 10);
}

TEST(BatchLoader, IsTheSameAtAnySpeed) {
  const data::Dataset dataset = image_dataset(18);
  RecordingSession fast, slow, other;
  slow.delay = std::chrono::milliseconds(3);
  run(fast, dataset, augmented_settings());
  run(slow, dataset, augmented_settings());
  EXPECT_EQ(fast.images, slow.images);
  train(other, small_graph(false), dataset, augmented_settings(), {.seed = 3, .candidate = 5, .repeat = 1},
        StopToken());
  EXPECT_NE(fast.images, other.images);
}

TEST(BatchLoader, GoesOnWhereARunWasStopped) {
  const data::Dataset dataset = image_dataset(18);
  RecordingSession whole;
  const TrainReport expected = run(whole, dataset, augmented_settings());
  ASSERT_EQ(expected.steps, 9);
  for (std::size_t steps = 1; steps < 9; ++steps) {
    StopToken stop;
    RecordingSession first;
    first.stop = &stop;
    first.stop_after = steps;
    const TrainReport interrupted = run(first, dataset, augmented_settings(), stop);
    EXPECT_EQ(interrupted.outcome, TrainOutcome::kStopped);
    const ResumePoint point{.steps = interrupted.steps,
                            .history = interrupted.history,
                            .best_state = interrupted.best_state,
                            .best_validation_loss = interrupted.best_validation_loss,
                            .since_row = interrupted.since_row};
    RecordingSession second;
    second.load(first.state());
    run(second, dataset, augmented_settings(), StopToken(), &point);
    first.images.insert(first.images.end(), second.images.begin(), second.images.end());
    EXPECT_EQ(first.images, whole.images) << steps;
    EXPECT_EQ(second.state(), whole.state()) << steps;
  }
}

TEST(BatchLoader, EndsWithTheRun) {
  const data::Dataset dataset = image_dataset(18);
  TrainSettings settings = augmented_settings();
  settings.max_epochs = 1000;
  StopToken stop;
  RecordingSession session;
  session.stop = &stop;
  session.stop_after = 2;
  EXPECT_EQ(run(session, dataset, settings, stop).outcome, TrainOutcome::kStopped);
  settings.max_steps = 5;
  RecordingSession short_run;
  EXPECT_EQ(run(short_run, dataset, settings).steps, 5);
  EXPECT_EQ(short_run.images.size(), 18u + 16u);
}

TEST(BatchLoader, AFailingSessionEndsIt) {
  const data::Dataset dataset = image_dataset(18);
  TrainSettings settings = augmented_settings();
  settings.max_epochs = 1000;
  RecordingSession session;
  session.diverge_at_call = 3;
  EXPECT_EQ(run(session, dataset, settings).outcome, TrainOutcome::kDiverged);
}

TEST(BatchLoader, HandsOnWhatWentWrong) {
  const data::Dataset dataset = image_dataset(18);
  const TrainSettings settings = augmented_settings();
  const BatchPlan plan = plan_batches(settings, small_graph(false), 18);
  BatchLoader loader(dataset.train, settings, kIdentity, plan, 2, 3);  // 3 and 4 are the last mini-batches
  EXPECT_EQ(loader.next().batch, 3);
  EXPECT_EQ(loader.next().samples.rows(), 2);
  EXPECT_THROW(loader.next(), InternalError);
  EXPECT_THROW(loader.next(), InternalError);
  EXPECT_GT(loader.cpu_seconds(), 0);
}

TEST(BatchLoader, IsAbsentWithoutAugmentation) {
  const data::Dataset dataset = image_dataset(18);
  TrainSettings settings = augmented_settings();
  EXPECT_TRUE(settings.to_text().ends_with(" random_crop=1 horizontal_flip=true cutout=1")) << settings.to_text();
  settings.augmentation = {};
  EXPECT_EQ(settings.to_text().find("crop"), std::string::npos);
  RecordingSession session;
  run(session, dataset, settings);
  for (const std::vector<float>& image : session.images)
    EXPECT_EQ(image.front(), static_cast<float>(row_of(image) * 12 + 1));
}

TEST(BatchLoader, RowsThatAreNoImagesAreRefusedBeforeTraining) {
  FakeSession session;
  TrainSettings settings = augmented_settings();
  try {
    run(session, small_dataset(12), settings);
    FAIL() << "no error";
  } catch (const UserError& error) {
    EXPECT_STREQ(error.what(),
                 "random_crop: changes images [channels, height, width]; the rows of this data set are [4]");
  }
  EXPECT_TRUE(session.calls.empty());
}

}  // namespace
}  // namespace lathe::engine
