// Optimiser steps from the same weights and batches: dense against ref; and the promises about bits.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "conformance/networks.h"
#include "conformance/targets.h"
#include "lathe/backend/dense/dense.h"
#include "lathe/backend/ref/ref.h"

namespace lathe::conformance {
namespace {

std::vector<Layer> jet_network() {
  return {batch_norm(16), activation("relu"), linear(16, 16), activation("relu"),
          linear(16, 16), activation("relu"), linear(16, 5)};
}
std::vector<Layer> deep_batch_norms() {
  return {batch_norm(16), activation("relu"), linear(16, 33), batch_norm(33), activation("relu"),
          linear(33, 17), activation("tanh"), batch_norm(17), linear(17, 5)};
}
std::vector<Layer> smooth_network() {
  return {linear(16, 100), activation("gelu"), linear(100, 64), activation("sigmoid"),
          linear(64, 7),   activation("tanh"), linear(7, 5)};
}
std::vector<Layer> wide_network() {
  return {linear(16, 200), activation("leaky_relu"), linear(200, 130), activation("relu"), linear(130, 5)};
}

data::Samples teacher_samples(std::int64_t rows) {
  data::Samples samples = random_samples(rows, 16, 5, 11);
  for (std::int64_t i = 0; i < rows; ++i) {
    const float* x = samples.features.data() + i * 16;
    int best = 0;
    for (int k = 1; k < 5; ++k)
      if (x[k] + x[k + 5] > x[best] + x[best + 5]) best = k;
    samples.labels[static_cast<std::size_t>(i)] = best;
  }
  return samples;
}

void compare_ten_steps(const std::string& name, const ir::Graph& graph, std::size_t batch,
                       const engine::OptimizerSettings& optimizer, double rate) {
  const auto dense = backend::make_dense_backend(), ref = backend::make_ref_backend();
  const data::Samples samples = teacher_samples(6000);
  const engine::State state = engine::initial_state(graph, 1, 2, 3);
  auto tested = start(*dense, graph, state, batch, optimizer), truth = start(*ref, graph, state, batch, optimizer);
  for (std::size_t step = 0; step < 10; ++step) {
    const auto rows = clear_rows(graph, truth->state(), samples, batch, step * 400);
    for (auto* session : {tested.get(), truth.get()}) {
      session->accumulate(samples, rows, 1.0 / static_cast<double>(batch), step);
      session->update(rate);
    }
  }
  EXPECT_LT(relative_difference(graph, truth->state(), tested->state()), 1e-5) << name << " batch " << batch;
}

TEST(DenseTraining, TenAdamStepsAgreeWithTheReference) {
  for (const std::size_t batch : {32, 65, 128, 200, 512}) {
    compare_ten_steps("jets", make_chain(16, jet_network()), batch, {}, 1e-3);
    compare_ten_steps("batch norms", make_chain(16, deep_batch_norms()), batch, {}, 1e-3);
    compare_ten_steps("smooth", make_chain(16, smooth_network()), batch, {}, 1e-3);
    compare_ten_steps("wide", make_chain(16, wide_network()), batch, {}, 1e-3);
  }
}

TEST(DenseTraining, EveryOptimizerAgreesWithTheReference) {
  const std::vector<std::pair<const char*, engine::OptimizerSettings>> optimizers = {
      {"sgd", {.name = "sgd"}},
      {"sgd decay", {.name = "sgd", .weight_decay = 0.01}},
      {"momentum", {.name = "sgd", .weight_decay = 0.01, .momentum = 0.9}},
      {"nesterov", {.name = "sgd", .momentum = 0.8, .nesterov = true}},
      {"adam decay", {.name = "adam", .weight_decay = 0.01}},
      {"adamw", {.name = "adamw", .weight_decay = 0.1}},
      {"rmsprop", {.name = "rmsprop", .weight_decay = 0.01}},
      {"betas", {.name = "adamw", .weight_decay = 0.1, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6}}};
  for (const auto& [name, settings] : optimizers)
    compare_ten_steps(name, make_chain(16, jet_network()), 128, settings, settings.name == "sgd" ? 0.1 : 1e-3);
}

TEST(DenseTraining, DropoutDropsTheSameValuesAsTheReference) {
  const ir::Graph graph = make_chain(16, {linear(16, 33),
                                          {"dropout", {{"p", 0.3}}},
                                          linear(33, 20),
                                          activation("tanh"),
                                          {"dropout", {{"p", 0.5}}},
                                          linear(20, 5)});
  compare_ten_steps("dropout", graph, 100, {}, 1e-3);
}

TEST(DenseTraining, GradientsAddUpOverCalls) {
  const ir::Graph graph = make_chain(16, {linear(16, 40), activation("tanh"), linear(40, 5)});
  const data::Samples samples = teacher_samples(500);
  std::vector<std::uint32_t> rows(200);
  std::iota(rows.begin(), rows.end(), 17u);
  const auto dense = backend::make_dense_backend();
  const engine::State state = engine::initial_state(graph, 1, 2, 3);
  auto once = start(*dense, graph, state, 200), twice = start(*dense, graph, state, 200);
  const auto all = once->accumulate(samples, rows, 1.0 / 200, 0);
  const auto first = twice->accumulate(samples, std::span(rows).first(77), 1.0 / 200, 0);
  const auto second = twice->accumulate(samples, std::span(rows).subspan(77), 1.0 / 200, 0);
  EXPECT_EQ(all.loss_sum, first.loss_sum + second.loss_sum);
  EXPECT_EQ(all.correct, first.correct + second.correct);
  EXPECT_LT(relative_difference(graph, once->gradients(), twice->gradients()), 1e-5);
  once->update(1e-3);
  EXPECT_EQ(largest_magnitude(once->gradients()), 0);
}

engine::State train_some(const engine::Backend& backend, const ir::Graph& graph, std::int64_t planned_batch) {
  const data::Samples samples = teacher_samples(1000);
  auto session = start(backend, graph, engine::initial_state(graph, 1, 2, 3), static_cast<std::size_t>(planned_batch));
  std::vector<std::uint32_t> rows(150);
  for (std::size_t step = 0; step < 5; ++step) {
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::uint32_t>((step * 150 + i * 7) % 1000);
    session->accumulate(samples, rows, 1.0 / 150, step);
    session->update(1e-2);
  }
  engine::State state = session->state();
  for (const engine::NamedTensor& tensor : session->optimizer_state()) state.push_back(tensor);
  return state;
}

TEST(DenseTraining, ASecondRunIsBitEqualOnEveryTarget) {
  for_each_target([](const std::string& target) {
    const auto dense = backend::make_dense_backend();
    EXPECT_EQ(dense->target(), target);
    const ir::Graph graph = make_chain(16, deep_batch_norms());
    const engine::State first = train_some(*dense, graph, 150);
    EXPECT_EQ(first, train_some(*dense, graph, 150)) << target;
    EXPECT_EQ(first, train_some(*dense, graph, 1)) << target << ": memory grown on demand";
    const engine::State truth = train_some(*backend::make_ref_backend(), graph, 150);
    ASSERT_EQ(first.size(), truth.size());
    for (std::size_t i = 0; i < first.size(); ++i) EXPECT_EQ(first[i].name, truth[i].name);
  });
}

TEST(DenseTraining, ContinuesBitIdenticallyFromASavedState) {
  const auto dense = backend::make_dense_backend();
  const ir::Graph graph = make_chain(16, deep_batch_norms());
  const data::Samples samples = teacher_samples(400);
  std::vector<std::uint32_t> rows(100);
  std::iota(rows.begin(), rows.end(), 0u);
  for (const auto& optimizer : {engine::OptimizerSettings{}, {.name = "sgd", .momentum = 0.9}}) {
    auto whole = start(*dense, graph, engine::initial_state(graph, 1, 2, 3), 100, optimizer);
    for (int step = 0; step < 3; ++step) whole->accumulate(samples, rows, 0.01, 0), whole->update(1e-2);
    auto resumed = start(*dense, graph, whole->state(), 100, optimizer);
    resumed->load_optimizer_state(whole->optimizer_state());
    for (auto* session : {whole.get(), resumed.get()})
      for (int step = 0; step < 3; ++step) session->accumulate(samples, rows, 0.01, 0), session->update(1e-2);
    EXPECT_EQ(whole->state(), resumed->state());
  }
}

TEST(DenseTraining, ReportsALossThatIsNotFinite) {
  const auto dense = backend::make_dense_backend();
  const ir::Graph graph = make_chain(16, jet_network());
  data::Samples samples = teacher_samples(100);
  samples.features[16 * 70 + 3] = NAN;
  std::vector<std::uint32_t> rows(100);
  std::iota(rows.begin(), rows.end(), 0u);
  auto session = start(*dense, graph, engine::initial_state(graph, 1, 2, 3), 100);
  EXPECT_TRUE(std::isnan(session->accumulate(samples, rows, 0.01, 0).loss_sum));
}

}  // namespace
}  // namespace lathe::conformance
