#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "conformance/networks.h"
#include "lathe/backend/dense/dense.h"
#include "lathe/base/error.h"

/// Rows that come as whole blocks give the same bits as rows gathered one by one.
namespace lathe::conformance {
namespace {

constexpr std::int64_t kRows = 400, kWidth = 11, kClasses = 4;

ir::Graph network() {
  return make_chain(
      kWidth, {batch_norm(kWidth), activation("relu"), linear(kWidth, 19), activation("relu"), linear(19, kClasses)});
}

data::Samples arranged(data::Samples samples) {
  data::arrange_blocks(samples);
  return samples;
}

// Blocks, blocks cut short, blocks that do not begin where a group of the batch does, and single rows.
std::vector<std::vector<std::uint32_t>> orders() {
  const auto run = [](std::uint32_t first, std::size_t count) {
    std::vector<std::uint32_t> rows(count);
    std::iota(rows.begin(), rows.end(), first);
    return rows;
  };
  const auto joined = [](std::vector<std::uint32_t> a, const std::vector<std::uint32_t>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  std::vector<std::uint32_t> backwards = run(0, 200);
  std::reverse(backwards.begin(), backwards.end());
  std::vector<std::uint32_t> swapped = run(64, 64);
  std::swap(swapped[20], swapped[21]);
  return {run(0, 128),
          joined(run(160, 16), run(32, 16)),
          joined(run(160, 7), run(32, 100)),
          run(8, 48),
          run(16, 70),
          joined(run(384, 16), run(390, 10)),
          backwards,
          swapped};
}

TEST(Blocks, TrainToTheSameBits) {
  const ir::Graph graph = network();
  const data::Samples plain = random_samples(kRows, kWidth, kClasses, 3);
  const data::Samples blocks = arranged(plain);
  const auto backend = backend::make_dense_backend();
  for (const std::vector<std::uint32_t>& rows : orders()) {
    std::vector<engine::State> gradients;
    for (const data::Samples* samples : {&plain, &blocks}) {
      const auto session = backend->compile(graph, {.batch_size = 256, .training = true})->make_session();
      session->load(engine::initial_state(graph, 1, 2, 3));
      session->set_optimizer({});
      session->expect(*samples, rows);
      session->accumulate(*samples, rows, 0.01, 0);
      session->accumulate(*samples, rows, 0.01, 0);
      gradients.push_back(session->gradients());
    }
    ASSERT_EQ(gradients[0].size(), gradients[1].size());
    for (std::size_t i = 0; i < gradients[0].size(); ++i)
      EXPECT_EQ(gradients[0][i].values, gradients[1][i].values) << gradients[0][i].name;
  }
}

TEST(Blocks, EvaluateToTheSameBits) {
  const ir::Graph graph = network();
  const data::Samples plain = random_samples(kRows, kWidth, kClasses, 4);
  const data::Samples blocks = arranged(plain);
  const auto session =
      backend::make_dense_backend()->compile(graph, {.batch_size = 64, .training = false})->make_session();
  session->load(engine::initial_state(graph, 1, 2, 3));
  for (const std::int64_t first : {0, 1, 16, 40})
    for (const std::int64_t count : {16, 64, 100, 360}) {
      std::vector<float> from_rows(static_cast<std::size_t>(count * kClasses)), from_blocks(from_rows.size());
      session->predict(plain, first, count, from_rows);
      session->predict(blocks, first, count, from_blocks);
      EXPECT_EQ(from_rows, from_blocks) << first << " " << count;
      EXPECT_EQ(session->evaluate(plain, first, count).loss_sum, session->evaluate(blocks, first, count).loss_sum);
    }
}

TEST(Blocks, NameWrongLabelsByTheirRow) {
  data::Samples samples = random_samples(kRows, kWidth, kClasses, 5);
  samples.labels[37] = kClasses;
  data::arrange_blocks(samples);
  const ir::Graph graph = network();
  const auto session =
      backend::make_dense_backend()->compile(graph, {.batch_size = 64, .training = true})->make_session();
  session->load(engine::initial_state(graph, 1, 2, 3));
  session->set_optimizer({});
  std::vector<std::uint32_t> rows(32);
  std::iota(rows.begin(), rows.end(), 16u);
  try {
    session->accumulate(samples, rows, 1, 0);
    FAIL() << "took a label that is no class";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("row 37: label 4"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace lathe::conformance
