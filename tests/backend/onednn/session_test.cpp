// What the onednn back end promises beside the networks of tests/conformance: memory, layouts, threads, losses,
// updates.
#include "lathe/backend/onednn/session.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>
#include <numeric>
#include <thread>

#include "conformance/networks.h"
#include "lathe/backend/onednn/fusion.h"
#include "lathe/backend/onednn/onednn.h"
#include "lathe/backend/ref/ref.h"
#include "lathe/base/error.h"

namespace lathe::backend::onednn {
namespace {

using conformance::largest_magnitude;
using conformance::random_samples;
using conformance::relative_difference;

constexpr std::int64_t kClasses = 4;

ir::Attribute integer(const char* name, std::int64_t value) { return {name, value}; }

void add_convolution(ir::GraphBuilder& builder, const std::string& path, std::int64_t in, std::int64_t out) {
  builder.add("conv2d", path,
              {integer("in_channels", in),
               integer("out_channels", out),
               {"kernel_size", Shape{3, 3}},
               {"padding", Shape{1, 1}}});
}

// Convolutions with batch norm and pools, as VGG has them; widths that fill no block of channels where `odd`.
ir::Graph image_network(bool odd) {
  const std::int64_t first = odd ? 5 : 8, second = odd ? 11 : 16;
  ir::GraphBuilder builder("images", {3, 8, 8});
  add_convolution(builder, "a", 3, first);
  builder.add("batch_norm2d", "b", {integer("num_features", first)});
  builder.add("relu", "c");
  add_convolution(builder, "d", first, second);
  builder.add("batch_norm2d", "e", {integer("num_features", second)});
  builder.add("relu", "f");
  builder.add("max_pool2d", "g", {{"kernel_size", Shape{2, 2}}});
  builder.add("flatten", "h");
  builder.add("linear", "i", {integer("in_features", 16 * second), integer("out_features", kClasses)});
  return std::move(builder).finish();
}

ir::Graph feature_network(std::int64_t outputs) {
  return conformance::make_chain(
      6, {conformance::linear(6, 9), conformance::activation("tanh"), conformance::linear(9, outputs)});
}

data::Samples images(std::int64_t rows) {
  data::Samples samples = random_samples(rows, 3 * 8 * 8, kClasses, 3);
  samples.shape = {3, 8, 8};
  return samples;
}

std::vector<std::uint32_t> first_rows(std::size_t count) {
  std::vector<std::uint32_t> rows(count);
  std::iota(rows.begin(), rows.end(), 0u);
  return rows;
}

engine::SessionSettings settings_of(std::int64_t batch, bool training = true, int threads = 1) {
  return {.batch_size = batch, .training = training, .loss = {}, .threads = threads};
}

PlannedNetwork plan_of(const ir::Graph& graph, const engine::SessionSettings& settings) {
  return {std::make_shared<const ir::Graph>(graph), settings};
}

TEST(OnednnMemory, AllocatesWhatWasPlanned) {
  for (const bool odd : {false, true})
    for (const bool training : {false, true}) {
      const ir::Graph graph = image_network(odd);
      const auto settings = settings_of(32, training);
      const std::int64_t planned = make_onednn_backend()->compile(graph, settings)->session_bytes();
      EXPECT_EQ(OnednnSession(plan_of(graph, settings)).allocated_bytes(), planned);
    }
}

TEST(OnednnMemory, EvaluationAndShorterBatchesNeedNoMore) {
  const ir::Graph graph = image_network(true);
  const std::int64_t training = plan_of(graph, settings_of(64)).bytes();
  EXPECT_LT(plan_of(graph, settings_of(64, false)).bytes(), training / 2);
  OnednnSession session(plan_of(graph, settings_of(64)));
  session.load(engine::initial_state(graph, 1, 2, 3));
  session.set_optimizer({});
  const data::Samples samples = images(100);
  for (const std::size_t count : {64, 31, 2, 64}) session.accumulate(samples, first_rows(count), 0.1, 0);
  session.evaluate(samples, 0, 100);
  EXPECT_EQ(session.allocated_bytes(), training);
}

TEST(OnednnMemory, ALongerBatchIsTaken) {
  const ir::Graph graph = image_network(false);
  const data::Samples samples = images(40);
  const engine::State state = engine::initial_state(graph, 1, 2, 3);
  engine::State gradients[2];
  int which = 0;
  for (const std::int64_t planned : {40, 16}) {
    OnednnSession session(plan_of(graph, settings_of(planned)));
    session.load(state);
    session.set_optimizer({});
    session.accumulate(samples, first_rows(40), 0.1, 0);
    gradients[which++] = session.gradients();
  }
  EXPECT_EQ(gradients[0], gradients[1]);
}

std::size_t count_steps(const OnednnSession& session, bool training, const std::string& kind) {
  std::size_t count = 0;
  for (const StepTime& step : session.step_times(training)) count += step.kind.find(kind) != std::string::npos ? 1 : 0;
  return count;
}

TEST(OnednnLayouts, AreKeptFromLayerToLayer) {
  const OnednnSession session(plan_of(image_network(false), settings_of(32)));
  EXPECT_EQ(count_steps(session, true, " ref"), 0u);
  EXPECT_EQ(count_steps(session, false, " ref"), 0u);
  EXPECT_EQ(count_steps(session, true, "relu"), 0u) << "batch norm does it";
  EXPECT_EQ(count_steps(session, false, "batch norm"), 0u) << "the convolution does it";
  EXPECT_EQ(count_steps(session, true, "convolution by data"), 1u) << "none for the network's input";
  EXPECT_LE(count_steps(session, false, "reorder"), 2u);
}

TEST(OnednnFusions, EvaluationFoldsBatchNormAndRelu) {
  const ir::Graph graph = image_network(false);
  const std::size_t convolution = *graph.find("a"), norm = *graph.find("b"), relu = *graph.find("c");
  const Fusions training = find_fusions(graph, true), evaluation = find_fusions(graph, false);
  EXPECT_EQ(training.origin[relu], norm);
  EXPECT_EQ(training.batch_norm[convolution], std::nullopt);
  EXPECT_EQ(evaluation.batch_norm[convolution], norm);
  EXPECT_EQ(evaluation.origin[relu], convolution);
}

TEST(OnednnFusions, AValueThatIsReadTwiceStays) {
  ir::GraphBuilder builder("twice", {3, 4, 4});
  add_convolution(builder, "a", 3, 3);
  const std::size_t norm = builder.add("batch_norm2d", "b", {integer("num_features", 3)});
  const std::size_t relu = builder.add("relu", "c");
  builder.add("add", "", {}, {norm, relu});
  builder.add("flatten", "d");
  const Fusions training = find_fusions(std::move(builder).finish(), true);
  EXPECT_EQ(training.origin[relu], relu);
}

TEST(OnednnThreads, SessionsInThreadsDoNotDisturbEachOther) {
  const ir::Graph graph = image_network(true);
  const data::Samples samples = images(48);
  const auto train = [&](engine::State& state) {
    OnednnSession session(plan_of(graph, settings_of(16)));
    session.load(engine::initial_state(graph, 1, 2, 3));
    session.set_optimizer({});
    for (int step = 0; step < 4; ++step) session.accumulate(samples, first_rows(16), 0.1, 0), session.update(1e-3);
    state = session.state();
  };
  engine::State alone, beside[2];
  train(alone);
  std::thread first([&] { train(beside[0]); }), second([&] { train(beside[1]); });
  first.join();
  second.join();
  EXPECT_EQ(alone, beside[0]);
  EXPECT_EQ(alone, beside[1]);
}

TEST(OnednnThreads, TheCallersNumberOfThreadsStays) {
  const int before = omp_get_max_threads();
  OnednnSession session(plan_of(image_network(true), settings_of(4, false, before + 1)));
  session.evaluate(images(4), 0, 4);
  EXPECT_EQ(omp_get_max_threads(), before);
}

TEST(OnednnState, WeightsInBlocksGoOutAsTheyCameIn) {
  const ir::Graph graph = image_network(true);
  const engine::State state = engine::initial_state(graph, 5, 6, 7);
  OnednnSession session(plan_of(graph, settings_of(8)));
  session.load(state);
  EXPECT_EQ(session.state(), state);
}

TEST(OnednnState, AResumedRunIsBitEqual) {
  const ir::Graph graph = image_network(true);
  const data::Samples samples = images(16);
  for (const engine::OptimizerSettings& optimizer :
       {engine::OptimizerSettings{}, engine::OptimizerSettings{.name = "sgd", .momentum = 0.9}}) {
    const auto steps = [&](engine::Session& session) {
      for (int i = 0; i < 3; ++i) session.accumulate(samples, first_rows(16), 0.1, 0), session.update(1e-2);
    };
    OnednnSession whole(plan_of(graph, settings_of(16))), resumed(plan_of(graph, settings_of(16)));
    whole.load(engine::initial_state(graph, 1, 2, 3));
    whole.set_optimizer(optimizer);
    steps(whole);
    resumed.set_optimizer(optimizer);
    resumed.load(whole.state());
    resumed.load_optimizer_state(whole.optimizer_state());
    steps(whole);
    steps(resumed);
    EXPECT_EQ(whole.state(), resumed.state());
  }
}

TEST(OnednnState, AnOptimizerStateOfAnotherNetworkIsRefused) {
  OnednnSession session(plan_of(image_network(true), settings_of(8)));
  session.set_optimizer({});
  EXPECT_THROW(session.load_optimizer_state({}), DataError);
}

TEST(OnednnGradients, AddUpOverCallsAndAreClearedByUpdates) {
  const ir::Graph graph = feature_network(kClasses);
  const data::Samples samples = random_samples(50, 6, kClasses, 1);
  const engine::State state = engine::initial_state(graph, 1, 2, 3);
  OnednnSession once(plan_of(graph, settings_of(50))), twice(plan_of(graph, settings_of(50)));
  for (auto* session : {&once, &twice}) session->load(state), session->set_optimizer({});
  const auto rows = first_rows(50);
  once.accumulate(samples, rows, 0.02, 0);
  twice.accumulate(samples, std::span(rows).first(20), 0.02, 0);
  twice.accumulate(samples, std::span(rows).subspan(20), 0.02, 0);
  EXPECT_LT(relative_difference(graph, once.gradients(), twice.gradients()), 1e-5);
  once.update(1e-3);
  EXPECT_EQ(largest_magnitude(once.gradients()), 0);
}

// Compares some steps and an evaluation with the reference.
void compare(const ir::Graph& graph, const data::Samples& samples, const engine::LossSettings& loss,
             const engine::OptimizerSettings& optimizer, double rate) {
  const auto settings = engine::SessionSettings{.batch_size = 20, .training = true, .loss = loss};
  auto tested = make_onednn_backend()->compile(graph, settings)->make_session(),
       truth = make_ref_backend()->compile(graph, settings)->make_session();
  double sums[2] = {};
  int which = 0;
  for (auto* session : {tested.get(), truth.get()}) {
    session->load(engine::initial_state(graph, 1, 2, 3));
    session->set_optimizer(optimizer);
    for (int step = 0; step < 5; ++step)
      sums[which] += session->accumulate(samples, first_rows(20), 0.05, 0).loss_sum, session->update(rate);
    ++which;
  }
  EXPECT_NEAR(sums[0], sums[1], 1e-5 * sums[1]) << loss.to_text();
  EXPECT_LT(relative_difference(graph, truth->state(), tested->state()), 1e-5) << loss.to_text();
  const auto got = tested->evaluate(samples, 5, 30), expected = truth->evaluate(samples, 5, 30);
  EXPECT_NEAR(got.loss(), expected.loss(), 1e-5 * expected.loss());
  EXPECT_EQ(got.rows, expected.rows);
  EXPECT_EQ(got.class_correct, expected.class_correct);
  EXPECT_EQ(got.squared_errors.size(), expected.squared_errors.size());
  for (std::size_t i = 0; i < got.squared_errors.size(); ++i)
    EXPECT_NEAR(got.squared_errors[i], expected.squared_errors[i], 1e-4 * expected.squared_errors[i]);
}

TEST(OnednnLoss, EveryLossAgreesWithTheReference) {
  const data::Samples classes = random_samples(40, 6, kClasses, 1);
  const ir::Graph classifier = feature_network(kClasses);
  for (const double smoothing : {0.0, 0.2})
    for (const std::vector<double>& weights : {std::vector<double>{}, std::vector<double>{1, 0.5, 0, 3}})
      compare(classifier, classes, {.label_smoothing = smoothing, .class_weights = weights}, {}, 1e-2);
  data::Samples numbers = classes;
  numbers.labels = {};
  numbers.outputs = 2;
  numbers.targets = random_samples(40, 2, 2, 9).features;
  for (const char* name : {"mean_squared_error", "mean_absolute_error", "huber"})
    compare(feature_network(2), numbers, {.name = name, .delta = 0.7}, {}, 1e-2);
}

TEST(OnednnUpdate, EveryRuleAgreesWithTheReference) {
  const data::Samples samples = random_samples(40, 6, kClasses, 1);
  for (const engine::OptimizerSettings& optimizer : std::vector<engine::OptimizerSettings>{
           {.name = "sgd", .weight_decay = 0.01},
           {.name = "sgd", .weight_decay = 0.01, .momentum = 0.9},
           {.name = "sgd", .momentum = 0.8, .nesterov = true},
           {.name = "adam", .weight_decay = 0.01},
           {.name = "adamw", .weight_decay = 0.1, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6},
           {.name = "adam", .l1 = 1e-3, .l2 = 1e-2},
           {.name = "rmsprop", .weight_decay = 0.01, .l1 = 1e-3, .l2 = 1e-2},
           {.name = "sgd", .momentum = 0.5, .l1 = 1e-3, .l2 = 1e-2}})
    compare(feature_network(kClasses), samples, {}, optimizer, 1e-2);
}

TEST(OnednnFinite, WhatIsNoNumberIsReportedThoughReluHidesIt) {
  const ir::Graph graph = image_network(false);
  data::Samples samples = images(16);
  OnednnSession session(plan_of(graph, settings_of(16)));
  const engine::State state = engine::initial_state(graph, 1, 2, 3);
  session.load(state);
  session.set_optimizer({.name = "sgd"});
  EXPECT_TRUE(std::isfinite(session.accumulate(samples, first_rows(16), 0.1, 0).loss_sum));
  samples.features[700] = NAN;
  EXPECT_TRUE(std::isnan(session.accumulate(samples, first_rows(16), 0.1, 0).loss_sum));
  session.update(1e-3);
  EXPECT_TRUE(std::isnan(session.evaluate(images(16), 0, 16).loss_sum)) << "weights are no numbers by now";
  session.load(state);
  EXPECT_TRUE(std::isfinite(session.evaluate(images(16), 0, 16).loss_sum));
}

TEST(OnednnErrors, NameTheRowOrTheReason) {
  const ir::Graph graph = feature_network(kClasses);
  data::Samples samples = random_samples(8, 6, kClasses, 1);
  samples.labels[3] = 9;
  OnednnSession session(plan_of(graph, settings_of(8)));
  try {
    session.evaluate(samples, 0, 8);
    FAIL();
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "row 3: label 9 is no class of the network, which has 4 outputs");
  }
  ir::GraphBuilder builder("plane", {3, 4, 4});
  builder.add("relu", "a");
  EXPECT_EQ(make_onednn_backend()->refusal(std::move(builder).finish()),
            "node output: the network must end in [classes] or [tokens, classes]; it ends in [3, 4, 4]");
  EXPECT_TRUE(make_onednn_backend()->precision_refusal(engine::Precision::kFloat16));
  EXPECT_FALSE(make_onednn_backend()->precision_refusal(engine::Precision::kFloat32));
}

// Where the processor has no bfloat16 the back end says so; where it has, it trains as float32 does, roughly.
TEST(OnednnBFloat16, TrainsNearFloat32OrIsRefused) {
  const auto backend = make_onednn_backend();
  if (const auto reason = backend->precision_refusal(engine::Precision::kBFloat16)) {
    EXPECT_NE(reason->find("AVX512-BF16"), std::string::npos);
    GTEST_SKIP() << *reason;
  }
  const ir::Graph graph = image_network(false);
  const data::Samples samples = images(32);
  double losses[2] = {};
  int which = 0;
  for (const auto precision : {engine::Precision::kFloat32, engine::Precision::kBFloat16}) {
    auto session = backend->compile(graph, {.batch_size = 32, .training = true, .loss = {}, .precision = precision})
                       ->make_session();
    session->load(engine::initial_state(graph, 1, 2, 3));
    session->set_optimizer({});
    for (int step = 0; step < 5; ++step)
      session->accumulate(samples, first_rows(32), 1.0 / 32, 0), session->update(1e-3);
    losses[which++] = session->evaluate(samples, 0, 32).loss();
  }
  EXPECT_NEAR(losses[0], losses[1], 0.05 * losses[0]);
}

}  // namespace
}  // namespace lathe::backend::onednn
