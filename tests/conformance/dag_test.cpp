// Networks whose nodes read any earlier ones: dense against ref, and the promises about bits.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "conformance/dags.h"
#include "conformance/targets.h"
#include "lathe/backend/dense/dense.h"
#include "lathe/backend/dense/plan.h"
#include "lathe/backend/ref/ref.h"

namespace lathe::conformance {
namespace {

constexpr std::uint64_t kNetworks = 60;
constexpr std::size_t kBatch = 100;

// Running means may be 0 but for rounding, and random networks may lose digits: what small numbers are compared with.
constexpr double kFloor = 1e-2;

engine::State start_state(const ir::Graph& graph) { return engine::initial_state(graph, 7, 8, 9); }

// Returns whether the network could be compared.
bool compare_gradients(const std::string& name, const ir::Graph& graph, std::size_t batch) {
  const auto dense = backend::make_dense_backend(), ref = backend::make_ref_backend();
  EXPECT_EQ(dense->refusal(graph), std::nullopt) << name;
  const data::Samples samples = random_samples(2000, graph.input().output_shape[0], 5, 1);
  const engine::State state = start_state(graph);
  auto tested = start(*dense, graph, state, batch), truth = start(*ref, graph, state, batch);
  const auto rows = find_clear_rows(graph, state, samples, batch, 0);
  if (rows.empty()) return false;
  const double scale = 1.0 / static_cast<double>(batch);
  const auto got = tested->accumulate(samples, rows, scale, 42), expected = truth->accumulate(samples, rows, scale, 42);
  EXPECT_NEAR(got.loss_sum, expected.loss_sum, 1e-5 * std::abs(expected.loss_sum)) << name;
  const engine::State gradients = truth->gradients();
  const double floor = kFloor * largest_magnitude(gradients);
  EXPECT_LT(relative_difference(graph, gradients, tested->gradients(), floor), 1e-4) << name << ir::to_text(graph);
  EXPECT_LT(relative_difference(graph, truth->state(), tested->state(), kFloor), 1e-5) << name;
  return true;
}

void compare_predictions(const std::string& name, const ir::Graph& graph) {
  const data::Samples samples = random_samples(150, graph.input().output_shape[0], 5, 3);
  std::vector<float> outputs[2];
  int which = 0;
  for (const auto& backend : {backend::make_dense_backend(), backend::make_ref_backend()}) {
    auto session = backend->compile(graph, {.batch_size = 1, .training = false})->make_session();
    session->load(start_state(graph));
    outputs[which].resize(150 * 5);
    session->predict(samples, 0, 150, outputs[which++]);
  }
  bool quantised = false;
  for (const ir::Node& node : graph.nodes) quantised = quantised || node.op == "quantize";
  double largest = 1;
  for (const float value : outputs[1]) largest = std::max(largest, std::abs(static_cast<double>(value)));
  std::size_t wrong = 0;  // rounding of a quantiser may go the other way on a boundary
  for (std::size_t i = 0; i < outputs[0].size(); ++i)
    wrong += std::abs(outputs[0][i] - outputs[1][i]) > 1e-5 * largest ? 1 : 0;
  EXPECT_LE(wrong, quantised ? outputs[0].size() / 50 : 0) << name << ir::to_text(graph);
}

void compare_random_networks(const std::string& name, const DagLayers& layers) {
  std::uint64_t compared = 0;
  for (std::uint64_t seed = 0; seed < kNetworks; ++seed) {
    const ir::Graph graph = random_dag(seed, layers);
    const std::string title = fmt::format("{} {}\n", name, seed);
    compared += compare_gradients(title, graph, kBatch) ? 1 : 0;
    compare_predictions(title, graph);
  }
  EXPECT_GE(compared, kNetworks * 9 / 10) << name;
}

TEST(DenseDag, SmoothNetworksAgreeWithTheReference) { compare_random_networks("smooth", {}); }
TEST(DenseDag, KinkedNetworksAgreeWithTheReference) {
  compare_random_networks("kinked", {.smooth = false, .kinked = true});
}
TEST(DenseDag, SumsOverBatchNormsAgreeWithTheReference) {
  compare_random_networks("norms", {.kinked = true, .norms = true});
}
TEST(DenseDag, DroppedNetworksAgreeWithTheReference) {
  compare_random_networks("dropout", {.norms = true, .dropout = true});
}
TEST(DenseDag, QuantisedNetworksAgreeWithTheReference) {
  compare_random_networks("quantised", {.kinked = true, .quantizers = true});
  compare_random_networks("quantised norms", {.kinked = true, .norms = true, .quantizers = true});
}

void compare_steps(const std::string& name, const ir::Graph& graph, std::size_t batch,
                   const engine::OptimizerSettings& optimizer, double rate) {
  const auto dense = backend::make_dense_backend(), ref = backend::make_ref_backend();
  const data::Samples samples = random_samples(6000, graph.input().output_shape[0], 5, 11);
  const engine::State state = start_state(graph);
  auto tested = start(*dense, graph, state, batch, optimizer), truth = start(*ref, graph, state, batch, optimizer);
  for (std::size_t step = 0; step < 10; ++step) {
    const auto rows = clear_rows(graph, truth->state(), samples, batch, step * 400);
    for (auto* session : {tested.get(), truth.get()}) {
      session->accumulate(samples, rows, 1.0 / static_cast<double>(batch), step);
      session->update(rate);
    }
  }
  EXPECT_LT(relative_difference(graph, truth->state(), tested->state(), kFloor), 5e-5) << name << ir::to_text(graph);
  const auto got = tested->evaluate(samples, 0, 1000), expected = truth->evaluate(samples, 0, 1000);
  EXPECT_NEAR(got.loss_sum, expected.loss_sum, 1e-4 * expected.loss_sum) << name;
  EXPECT_NEAR(static_cast<double>(got.correct), static_cast<double>(expected.correct), 1) << name;
}

TEST(DenseDag, TenAdamStepsAgreeWithTheReference) {
  for (const std::size_t batch : {33, 64, 128, 200}) {
    compare_steps("relu", nested_sums("relu", 0), batch, {}, 1e-3);
    compare_steps("gelu and dropout", nested_sums("gelu", 0.3), batch, {}, 1e-3);
  }
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    compare_steps(fmt::format("random {}", seed), random_dag(seed, {}), kBatch, {}, 1e-3);
}

TEST(DenseDag, TenSgdStepsOfRandomNetworksAgreeWithTheReference) {
  const engine::OptimizerSettings sgd{.name = "sgd", .momentum = 0.9};
  for (std::uint64_t seed = 100; seed < 120; ++seed)
    compare_steps(fmt::format("random {}", seed), random_dag(seed, {.norms = true}), kBatch, sgd, 1e-2);
}

engine::State train_some(const ir::Graph& graph, std::int64_t planned_batch) {
  const data::Samples samples = random_samples(1000, 16, 5, 11);
  auto session =
      start(*backend::make_dense_backend(), graph, start_state(graph), static_cast<std::size_t>(planned_batch));
  std::vector<std::uint32_t> rows(150);
  for (std::size_t step = 0; step < 5; ++step) {
    std::iota(rows.begin(), rows.end(), static_cast<std::uint32_t>(step * 150));
    session->accumulate(samples, rows, 1.0 / 150, step);
    session->update(1e-2);
  }
  return session->state();
}

TEST(DenseDag, ASecondRunIsBitEqualOnEveryTarget) {
  for_each_target([](const std::string& target) {
    const ir::Graph graph = nested_sums("relu", 0.2);
    const engine::State first = train_some(graph, 150);
    EXPECT_EQ(first, train_some(graph, 150)) << target;
    EXPECT_EQ(first, train_some(graph, 1)) << target << ": memory grown on demand";
  });
}

TEST(DenseDag, AChainHasNoTransfersAndTwoGradientBuffers) {
  const ir::Graph graph = make_chain(16, {batch_norm(16), activation("relu"), linear(16, 33), activation("relu"),
                                          linear(33, 17), activation("tanh"), batch_norm(17), linear(17, 5)});
  const backend::dense::Program program = backend::dense::compile(graph, 8);
  EXPECT_TRUE(program.transfers.empty());
  EXPECT_TRUE(program.operands.empty());
  EXPECT_EQ(program.gradient_buffers, 2U);
  EXPECT_EQ(program.stages.size(), 6U);
}

TEST(DenseDag, AReluJoinsOnlyWhereItIsTheOnlyReader) {
  const auto joined = [](bool skips) {
    Dag dag(16);
    const std::size_t a = dag.add(linear(16, 8), {0});
    const std::size_t r = dag.add(activation("relu"), {a});
    dag.add(linear(8, 5), {dag.sum({skips ? a : r, r})});
    return backend::dense::compile(std::move(dag).finish(), 8).stages.front().relu;
  };
  EXPECT_TRUE(joined(false));
  EXPECT_FALSE(joined(true));
}

// A second ReLU vanishes into the first; a quantiser behind it must not change what others read of the first.
TEST(DenseDag, AQuantiserBehindTwoRelusChangesNothingForTheirOtherReaders) {
  Dag dag(16);
  const std::size_t first = dag.add(activation("relu"), {dag.add(linear(16, 8), {0})});
  const std::size_t second = dag.add(activation("relu"), {first});
  const std::size_t quantised = dag.add(quantizer(3, 1), {second});
  const std::size_t branch = dag.add(linear(8, 8), {quantised});
  dag.add(linear(8, 5), {dag.sum({first, branch})});
  const ir::Graph graph = std::move(dag).finish();
  const data::Samples samples = random_samples(64, 16, 5, 11);
  const engine::State state = engine::initial_state(graph, 1, 2, 3);
  std::vector<std::vector<float>> outputs;
  for (const auto& backend : {backend::make_dense_backend(), backend::make_ref_backend()}) {
    const auto session = backend->compile(graph, {.batch_size = 64, .training = false})->make_session();
    session->load(state);
    outputs.emplace_back(64 * 5);
    session->predict(samples, 0, 64, outputs.back());
  }
  for (std::size_t i = 0; i < outputs[0].size(); ++i) EXPECT_NEAR(outputs[0][i], outputs[1][i], 1e-5);
}

TEST(DenseDag, ANodeThatNothingReadsIsRefused) {
  Dag dag(16);
  const std::size_t a = dag.add(linear(16, 8), {0});
  dag.add(activation("tanh"), {a});
  dag.add(linear(8, 5), {a});
  EXPECT_EQ(backend::make_dense_backend()->refusal(std::move(dag).finish()),
            "node node_2: op tanh has no reader; dense runs only what the output depends on");
}

}  // namespace
}  // namespace lathe::conformance
