#include <gtest/gtest.h>

#include "engine/fake_session.h"
#include "lathe/engine/train.h"

namespace lathe::engine {
namespace {

constexpr std::int64_t kTokens = 3;

// Makes texts of three tokens, each with the label of its own.
data::Samples texts(std::int64_t rows) {
  data::Samples samples;
  samples.width = kTokens;
  samples.shape = {kTokens};
  samples.positions = kTokens;
  for (std::int64_t i = 0; i < rows * kTokens; ++i) {
    samples.features.push_back(static_cast<float>(i % 4));
    samples.labels.push_back(static_cast<std::int32_t>((i + 1) % 4));
  }
  return samples;
}

// Counts labels as a back end does.
class TokenSession : public FakeSession {
 public:
  BatchResult accumulate(const data::Samples& samples, std::span<const std::uint32_t> rows, double loss_scale,
                         std::uint64_t dropout_seed) override {
    FakeSession::accumulate(samples, rows, loss_scale, dropout_seed);
    const auto labels = static_cast<std::int64_t>(rows.size()) * samples.positions;
    return {.loss_sum = 2.0 * static_cast<double>(labels), .correct = labels / 2};
  }
};

TEST(Positions, ScaleAndHistoryCountLabels) {
  data::Dataset dataset;
  dataset.classes = 4;
  dataset.train = texts(10);
  EXPECT_EQ(dataset.train.rows(), 10);
  TrainSettings settings;
  settings.batch_size = 4;
  settings.max_epochs = 1;
  settings.validate_each_epoch = false;
  TokenSession session;
  const TrainReport report = train(session, small_graph(false), dataset, settings, {}, StopToken());
  ASSERT_EQ(session.calls.size(), 3u);
  EXPECT_EQ(session.calls[0].loss_scale, 1.0 / 12);
  EXPECT_EQ(session.calls[2].loss_scale, 1.0 / 6);
  EXPECT_EQ(report.samples, 10);
  EXPECT_EQ(report.history.back().train_loss, 2.0);
  EXPECT_EQ(report.history.back().train_accuracy, 0.5);
}

TEST(Positions, ClassWeightsAreThoseOfTheLabels) {
  const data::Samples samples = texts(4);
  const std::vector<std::uint32_t> rows = {0, 2};  // labels 1 2 3 and 3 0 1
  EXPECT_EQ(loss_weight({}, samples, rows), 6);
  EXPECT_EQ(loss_weight({.class_weights = {1, 10, 100, 1000}}, samples, rows), 1 + 2 * 10 + 100 + 2 * 1000);
}

}  // namespace
}  // namespace lathe::engine
