// The torch back end on the processor against ref: losses, rules of update, precision, resuming, refusals, memory.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <new>
#include <numeric>

#include "conformance/networks.h"
#include "lathe/backend/ref/ref.h"
#include "lathe/backend/torch/engine.h"
#include "lathe/backend/torch/loss_scaler.h"
#include "lathe/base/error.h"

namespace lathe::backend::libtorch {
namespace {

using conformance::activation;
using conformance::batch_norm;
using conformance::largest_magnitude;
using conformance::linear;
using conformance::make_chain;
using conformance::random_samples;
using conformance::relative_difference;

constexpr std::int64_t kWidth = 9, kClasses = 5;
constexpr std::size_t kRows = 32;

std::shared_ptr<const engine::Backend> torch_backend() { return make_libtorch_backend(DeviceKind::kCpu); }

ir::Graph smooth_network() {
  return make_chain(kWidth, {linear(kWidth, 20), activation("gelu"), batch_norm(20), linear(20, kClasses)});
}

engine::State start_state(const ir::Graph& graph) { return engine::initial_state(graph, 1, 2, 3); }

std::vector<std::uint32_t> first_rows(std::size_t count) {
  std::vector<std::uint32_t> rows(count);
  std::iota(rows.begin(), rows.end(), 0u);
  return rows;
}

data::Samples random_targets(std::int64_t outputs) {
  data::Samples samples = random_samples(200, kWidth, 2, 4);
  samples.labels.clear();
  samples.outputs = outputs;
  for (std::int64_t i = 0; i < 200 * outputs; ++i)
    samples.targets.push_back(samples.features[static_cast<std::size_t>(i % (200 * kWidth))] * 1.5f + 0.1f);
  return samples;
}

std::unique_ptr<engine::Session> start(const engine::Backend& backend, const ir::Graph& graph,
                                       engine::SessionSettings settings,
                                       const engine::OptimizerSettings& optimizer = {}) {
  settings.training = true;
  auto session = backend.compile(graph, settings)->make_session();
  session->load(start_state(graph));
  session->set_optimizer(optimizer);
  return session;
}

void compare(const std::string& name, const data::Samples& samples, const engine::LossSettings& loss,
             const engine::OptimizerSettings& optimizer, double rate) {
  const ir::Graph graph = smooth_network();
  const engine::SessionSettings settings{.batch_size = kRows, .training = true, .loss = loss};
  const auto torch = torch_backend(), ref = make_ref_backend();
  ASSERT_EQ(torch->loss_refusal(loss), std::nullopt) << name;
  const auto tested = start(*torch, graph, settings, optimizer), truth = start(*ref, graph, settings, optimizer);
  const auto rows = first_rows(kRows);
  for (int step = 0; step < 5; ++step) {
    const auto got = tested->accumulate(samples, rows, 0.01, 7), expected = truth->accumulate(samples, rows, 0.01, 7);
    EXPECT_NEAR(got.loss_sum, expected.loss_sum, 1e-5 * std::abs(expected.loss_sum)) << name;
    EXPECT_EQ(got.correct, expected.correct) << name;
    tested->update(rate);
    truth->update(rate);
    EXPECT_EQ(largest_magnitude(tested->gradients()), 0) << name;
  }
  EXPECT_LT(relative_difference(graph, truth->state(), tested->state(), 1e-2), 5e-5) << name;
  const auto got = tested->evaluate(samples, 3, 190), expected = truth->evaluate(samples, 3, 190);
  EXPECT_NEAR(got.loss_sum, expected.loss_sum, 1e-4 * expected.loss_sum) << name;
  EXPECT_EQ(got.rows, expected.rows) << name;
  EXPECT_EQ(got.class_rows, expected.class_rows) << name;
  EXPECT_EQ(got.weight, expected.weight) << name;
  EXPECT_EQ(got.target_squares, expected.target_squares) << name;
  for (std::size_t i = 0; i < expected.squared_errors.size(); ++i) {
    EXPECT_NEAR(got.squared_errors[i], expected.squared_errors[i], 1e-4 * expected.squared_errors[i]) << name;
    EXPECT_NEAR(got.absolute_errors[i], expected.absolute_errors[i], 1e-4 * expected.absolute_errors[i]) << name;
  }
}

TEST(TorchSession, EveryLossAgreesWithTheReference) {
  const data::Samples classes = random_samples(200, kWidth, kClasses, 4), targets = random_targets(kClasses);
  compare("plain", classes, {}, {}, 1e-3);
  compare("smoothing", classes, {.name = "cross_entropy", .label_smoothing = 0.2}, {}, 1e-3);
  compare("weights", classes, {.name = "cross_entropy", .label_smoothing = 0.1, .class_weights = {1, 0.5, 2, 0, 3}}, {},
          1e-3);
  for (const char* name : {"mean_squared_error", "mean_absolute_error"})
    compare(name, targets, {.name = name}, {}, 1e-3);
  compare("huber", targets, {.name = "huber", .delta = 0.6}, {}, 1e-3);
}

TEST(TorchSession, EveryRuleOfUpdateAgreesWithTheReference) {
  const data::Samples samples = random_samples(200, kWidth, kClasses, 4);
  const std::vector<std::pair<const char*, engine::OptimizerSettings>> rules = {
      {"sgd", {.name = "sgd"}},
      {"sgd decay", {.name = "sgd", .weight_decay = 0.01}},
      {"momentum", {.name = "sgd", .weight_decay = 0.01, .momentum = 0.9}},
      {"nesterov", {.name = "sgd", .momentum = 0.8, .nesterov = true}},
      {"penalties", {.name = "sgd", .l1 = 0.01, .l2 = 0.02}},
      {"adam", {.weight_decay = 0.01, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6}},
      {"adam penalties", {.l1 = 0.01, .l2 = 0.02}},
      {"adamw", {.name = "adamw", .weight_decay = 0.1}},
      {"rmsprop", {.name = "rmsprop", .weight_decay = 0.01, .l1 = 0.01, .l2 = 0.02}}};
  for (const auto& [name, rule] : rules) compare(name, samples, {}, rule, rule.name == "sgd" ? 0.1 : 1e-3);
}

// The float kernels of quantised values are exact where every sum fits 24 bits.
TEST(TorchSession, QuantisedForwardPassesEqualTheReferenceBitForBit) {
  ir::Graph graph = make_chain(
      16, {conformance::quantizer(8, 4), linear(16, 33), activation("relu"), conformance::quantizer(8, 4, false),
           linear(33, 17), conformance::quantizer(6, 3), linear(17, 5)});
  conformance::quantize_parameters(graph, 6, 4);
  const data::Samples samples = random_samples(333, 16, 5, 4);
  std::vector<std::vector<float>> outputs;
  for (const auto& backend : {torch_backend(), make_ref_backend()}) {
    const auto session = backend->compile(graph, {.batch_size = 50, .training = false})->make_session();
    session->load(start_state(graph));
    outputs.emplace_back(333 * 5);
    session->predict(samples, 0, 333, outputs.back());
  }
  EXPECT_EQ(outputs[0], outputs[1]);
}

TEST(TorchSession, ARunThatIsResumedGoesOnWithTheSameBits) {
  const ir::Graph graph = smooth_network();
  const data::Samples samples = random_samples(200, kWidth, kClasses, 4);
  const auto rows = first_rows(kRows);
  for (const engine::OptimizerSettings& rule :
       {engine::OptimizerSettings{}, engine::OptimizerSettings{.name = "sgd", .momentum = 0.9}}) {
    const auto step = [&](engine::Session& session) {
      session.accumulate(samples, rows, 0.01, 7);
      session.update(0.01);
    };
    const auto whole = start(*torch_backend(), graph, {.batch_size = kRows}, rule);
    const auto first = start(*torch_backend(), graph, {.batch_size = kRows}, rule);
    const auto second = start(*torch_backend(), graph, {.batch_size = kRows}, rule);
    for (int i = 0; i < 6; ++i) step(*whole);
    for (int i = 0; i < 3; ++i) step(*first);
    second->load(first->state());
    second->load_optimizer_state(first->optimizer_state());
    for (int i = 0; i < 3; ++i) step(*second);
    EXPECT_EQ(whole->state(), second->state());
    EXPECT_EQ(whole->optimizer_state(), second->optimizer_state());
  }
}

TEST(TorchSession, Bfloat16TrainsNearFloat32WithFloat32Weights) {
  const ir::Graph graph = smooth_network();
  const data::Samples samples = random_samples(200, kWidth, kClasses, 4);
  const auto backend = torch_backend();
  ASSERT_EQ(backend->precision_refusal(engine::Precision::kBFloat16), std::nullopt);
  const auto full = start(*backend, graph, {.batch_size = kRows});
  const auto half = start(*backend, graph, {.batch_size = kRows, .precision = engine::Precision::kBFloat16});
  const auto rows = first_rows(kRows);
  const double expected = full->accumulate(samples, rows, 0.01, 7).loss_sum;
  EXPECT_NEAR(half->accumulate(samples, rows, 0.01, 7).loss_sum, expected, 0.01 * expected);
  const engine::State gradients = full->gradients();
  EXPECT_LT(relative_difference(graph, gradients, half->gradients(), 0.1 * largest_magnitude(gradients)), 0.1);
  half->update(1e-6);  // far below what bfloat16 weights could hold
  EXPECT_GT(relative_difference(graph, start_state(graph), half->state(), 1), 1e-7);
}

TEST(TorchSession, RefusesFloat16OnTheProcessor) {
  const auto reason = torch_backend()->precision_refusal(engine::Precision::kFloat16);
  ASSERT_TRUE(reason.has_value());
  EXPECT_NE(reason->find("has no float16 products on the processor"), std::string::npos) << *reason;
}

TEST(TorchSession, NamesWhatItsBitsDependOn) {
  EXPECT_TRUE(torch_backend()->target().starts_with("libtorch ")) << torch_backend()->target();
  EXPECT_EQ(torch_backend()->accelerator(), "cpu");
  EXPECT_EQ(torch_backend()->name(), "torch");
  EXPECT_TRUE(torch_backend()->uses_threads());
}

TEST(TorchSession, NamesWrongLabelsByTheirRow) {
  data::Samples samples = random_samples(100, kWidth, kClasses, 4);
  samples.labels[12] = kClasses;
  const auto session = start(*torch_backend(), smooth_network(), {.batch_size = kRows});
  try {
    session->accumulate(samples, first_rows(kRows), 1, 0);
    FAIL() << "took a label that is no class";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("row 12: label 5"), std::string::npos) << error.what();
  }
}

TEST(TorchMemory, WhatCannotBeHadIsAnOutOfMemoryAndTheNextSessionWorks) {
  constexpr std::int64_t kAbsurd = std::int64_t{1} << 19;
  const ir::Graph absurd = make_chain(16, {linear(16, kAbsurd), linear(kAbsurd, kAbsurd), linear(kAbsurd, 5)});
  EXPECT_GT(torch_backend()->compile(absurd, {})->session_bytes(), kAbsurd * kAbsurd);
  try {
    static_cast<void>(torch_backend()->compile(absurd, {})->make_session());
    FAIL() << "allocated terabytes";
  } catch (const std::bad_alloc& error) {
    EXPECT_NE(std::string(error.what()).find("memory"), std::string::npos) << error.what();
  }
  const data::Samples samples = random_samples(100, kWidth, kClasses, 4);
  const auto session = start(*torch_backend(), smooth_network(), {.batch_size = kRows});
  EXPECT_GT(session->accumulate(samples, first_rows(kRows), 1, 0).loss_sum, 0);
}

TEST(TorchMemory, ThePlanGrowsWithBatchesTrainingAndWidths) {
  const auto backend = torch_backend();
  const ir::Graph graph = smooth_network();
  const auto plan = [&](std::int64_t batch, bool training) {
    return backend->compile(graph, {.batch_size = batch, .training = training})->session_bytes();
  };
  EXPECT_GT(plan(256, true), plan(128, true));
  EXPECT_GT(plan(128, true), plan(128, false));
  std::int64_t parameters = 0;
  for (const engine::NamedTensor& tensor : engine::zero_state(graph)) parameters += element_count(tensor.shape);
  EXPECT_GE(plan(1, true), 4 * 4 * (parameters - 50));
}

TEST(LossScaler, HalvesAtAnOverflowAndDoublesAfter2000GoodSteps) {
  LossScaler scaler(true);
  EXPECT_EQ(scaler.scale(), 65536);
  scaler.note(false);
  EXPECT_EQ(scaler.scale(), 32768);
  for (int i = 0; i < 1999; ++i) scaler.note(true);
  EXPECT_EQ(scaler.scale(), 32768);
  scaler.note(true);
  EXPECT_EQ(scaler.scale(), 65536);
  EXPECT_EQ(scaler.good_steps(), 0);
  EXPECT_EQ(LossScaler(false).scale(), 1);
}

}  // namespace
}  // namespace lathe::backend::libtorch
