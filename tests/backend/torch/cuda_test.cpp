// What a CUDA device alone can show; skipped where there is none.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <new>
#include <numeric>

#include "conformance/networks.h"
#include "lathe/backend/ref/ref.h"
#include "lathe/backend/torch/engine.h"

namespace lathe::backend::libtorch {
namespace {

using conformance::activation;
using conformance::batch_norm;
using conformance::linear;
using conformance::make_chain;
using conformance::random_samples;
using conformance::relative_difference;

constexpr std::size_t kRows = 64;

class TorchCuda : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = device_refusal(DeviceKind::kCuda)) GTEST_SKIP() << *reason;
  }

  static std::shared_ptr<const engine::Backend> backend() { return make_libtorch_backend(DeviceKind::kCuda); }

  static ir::Graph network(std::int64_t width) {
    return make_chain(
        16, {linear(16, width), batch_norm(width), activation("tanh"), {"dropout", {{"p", 0.2}}}, linear(width, 5)});
  }

  static std::unique_ptr<engine::Session> start(const engine::Backend& made_by, const ir::Graph& graph,
                                                engine::Precision precision = engine::Precision::kFloat32) {
    auto session =
        made_by
            .compile(graph, {.batch_size = kRows, .training = true, .loss = {}, .threads = 1, .precision = precision})
            ->make_session();
    session->load(engine::initial_state(graph, 1, 2, 3));
    session->set_optimizer({});
    return session;
  }

  static void train(engine::Session& session, const data::Samples& samples, int steps) {
    std::vector<std::uint32_t> rows(kRows);
    for (int step = 0; step < steps; ++step) {
      std::iota(rows.begin(), rows.end(), static_cast<std::uint32_t>(step % 10) * 30);
      session.accumulate(samples, rows, 1.0 / kRows, static_cast<std::uint64_t>(step));
      session.update(1e-3);
    }
  }
};

TEST_F(TorchCuda, NamesTheDevice) {
  EXPECT_NE(backend()->target().find("libtorch"), std::string::npos);
  EXPECT_EQ(backend()->accelerator(), "gpu");
}

// Ten steps are three plain ones and seven by CUDA graphs; rows of the data set are resident.
TEST_F(TorchCuda, TrainingAgreesWithTheReferenceAndRepeatsItsBits) {
  const ir::Graph graph = network(40);
  const data::Samples samples = random_samples(1000, 16, 5, 4);
  const auto truth = start(*make_ref_backend(), graph);
  train(*truth, samples, 10);
  const auto first = start(*backend(), graph), second = start(*backend(), graph);
  train(*first, samples, 10);
  train(*second, samples, 10);
  EXPECT_LT(relative_difference(graph, truth->state(), first->state(), 1e-2), 1e-4);
  EXPECT_EQ(first->state(), second->state());
}

TEST_F(TorchCuda, CudaGraphsChangeNoBits) {
  const ir::Graph graph = network(40);
  const data::Samples samples = random_samples(1000, 16, 5, 4);
  const auto recorded = start(*backend(), graph);
  setenv("LATHE_TORCH_GRAPHS", "0", 1);
  const auto plain = start(*backend(), graph);
  unsetenv("LATHE_TORCH_GRAPHS");
  train(*recorded, samples, 10);
  train(*plain, samples, 10);
  EXPECT_EQ(recorded->state(), plain->state());
}

TEST_F(TorchCuda, HalfPrecisionsTrain) {
  const ir::Graph graph = network(64);
  const data::Samples samples = random_samples(1000, 16, 5, 4);
  const auto full = start(*backend(), graph);
  train(*full, samples, 30);
  const double expected = full->evaluate(samples, 0, 1000).loss();
  for (const engine::Precision precision : {engine::Precision::kBFloat16, engine::Precision::kFloat16}) {
    if (backend()->precision_refusal(precision)) continue;
    const auto half = start(*backend(), graph, precision);
    train(*half, samples, 30);
    EXPECT_NEAR(half->evaluate(samples, 0, 1000).loss(), expected, 0.05 * expected) << engine::to_string(precision);
  }
}

TEST_F(TorchCuda, MemoryIsBackAtItsLevelAfterASession) {
  const data::Samples samples = random_samples(100000, 16, 5, 4);
  const auto held_by_one = [&] {
    const auto session = start(*backend(), network(3000));
    train(*session, samples, 5);
    return bytes_held(DeviceKind::kCuda);
  };
  held_by_one();  // libraries keep a workspace from their first use on
  const std::int64_t level = bytes_held(DeviceKind::kCuda);
  for (int i = 0; i < 3; ++i) {
    EXPECT_GT(held_by_one(), level);
    EXPECT_EQ(bytes_held(DeviceKind::kCuda), level);
  }
}

TEST_F(TorchCuda, WhatTheDeviceLacksIsAnOutOfMemoryAndMemoryIsBackAtItsLevel) {
  constexpr std::int64_t kAbsurd = std::int64_t{1} << 38;
  const ir::Graph absurd = make_chain(16, {linear(16, kAbsurd), linear(kAbsurd, 5)});
  const std::int64_t level = bytes_held(DeviceKind::kCuda);
  EXPECT_THROW(static_cast<void>(backend()->compile(absurd, {})->make_session()), std::bad_alloc);
  EXPECT_EQ(bytes_held(DeviceKind::kCuda), level);
  const data::Samples samples = random_samples(1000, 16, 5, 4);
  const auto session = start(*backend(), network(40));
  train(*session, samples, 5);
  EXPECT_TRUE(std::isfinite(session->evaluate(samples, 0, 1000).loss()));
}

TEST_F(TorchCuda, SessionsShareTheRowsOfADataSet) {
  const data::Samples samples = random_samples(4000000, 16, 5, 4);  // 256 MB of features
  const data::Samples copy = samples;
  const auto first = start(*backend(), network(8)), second = start(*backend(), network(8));
  const std::int64_t before = bytes_held(DeviceKind::kCuda);
  train(*first, samples, 1);
  const std::int64_t with_one = bytes_held(DeviceKind::kCuda);
  train(*second, copy, 1);
  EXPECT_GT(with_one - before, 200'000'000);
  EXPECT_LT(bytes_held(DeviceKind::kCuda) - with_one, 100'000'000);
}

}  // namespace
}  // namespace lathe::backend::libtorch
