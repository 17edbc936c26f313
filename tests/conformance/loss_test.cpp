// Every loss of the registry, and the penalties on weights: dense against ref.
#include "lathe/engine/loss.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "conformance/networks.h"
#include "conformance/targets.h"
#include "lathe/backend/dense/dense.h"
#include "lathe/backend/ref/ref.h"
#include "lathe/base/random.h"

namespace lathe::conformance {
namespace {

constexpr std::size_t kBatches[] = {1, 3, 63, 64, 65, 200};
constexpr std::int64_t kOutputs[] = {1, 2, 5, 17};
constexpr double kTolerance = 1e-5;

// The loss with default options and with others, for so many classes or outputs.
std::vector<engine::LossSettings> loss_variants(const engine::LossDeclaration& declaration, std::int64_t outputs) {
  std::vector<engine::LossSettings> all = {{.name = declaration.name}};
  std::vector<double> weights;
  for (std::int64_t c = 0; c < outputs; ++c) weights.push_back(0.25 * static_cast<double>((c * 3 + 1) % 7));
  for (const std::string& option : declaration.options) {
    all.push_back(all.front());
    if (option == "label_smoothing")
      all.back().label_smoothing = 0.2;
    else if (option == "class_weights")
      all.back().class_weights = weights;
    else if (option == "huber_delta")
      all.back().delta = 0.3;
    else
      ADD_FAILURE() << "loss_test.cpp does not know the option " << option;
  }
  if (declaration.name == "cross_entropy") all.push_back({.label_smoothing = 0.3, .class_weights = weights});
  return all;
}

data::Samples samples_for(const engine::LossDeclaration& declaration, std::int64_t rows, std::int64_t width,
                          std::int64_t outputs) {
  data::Samples samples = random_samples(rows, width, outputs, 17);
  if (declaration.task == data::Task::kClassification) return samples;
  RandomStream stream(18, {}, "conformance targets");
  samples.labels.clear();
  samples.outputs = outputs;
  for (std::int64_t i = 0; i < rows * outputs; ++i) samples.targets.push_back(static_cast<float>(stream.normal()));
  return samples;
}

std::unique_ptr<engine::Session> start_with(const engine::Backend& backend, const ir::Graph& graph,
                                            const engine::LossSettings& loss,
                                            const engine::OptimizerSettings& optimizer = {}) {
  auto session = backend.compile(graph, {.batch_size = 200, .training = true, .loss = loss})->make_session();
  session->load(engine::initial_state(graph, 1, 2, 3));
  session->set_optimizer(optimizer);
  return session;
}

std::vector<std::uint32_t> some_rows(std::size_t count) {
  std::vector<std::uint32_t> rows(count);
  for (std::size_t i = 0; i < count; ++i) rows[i] = static_cast<std::uint32_t>((i * 37 + 5) % 300);
  return rows;
}

class LossConformance : public testing::TestWithParam<std::string> {};

TEST_P(LossConformance, LossesAndGradientsAgreeWithTheReference) {
  const engine::LossDeclaration& declaration = *engine::find_loss(GetParam());
  const auto dense = backend::make_dense_backend(), ref = backend::make_ref_backend();
  for (const std::int64_t outputs : kOutputs)
    for (const engine::LossSettings& loss : loss_variants(declaration, outputs)) {
      ASSERT_EQ(dense->loss_refusal(loss), std::nullopt);
      const ir::Graph graph = make_chain(6, {linear(6, 9), activation("tanh"), linear(9, outputs)});
      const data::Samples samples = samples_for(declaration, 300, 6, outputs);
      for (const std::size_t batch : kBatches) {
        const std::string what = fmt::format("{} {} outputs, batch {}", loss.to_text(), outputs, batch);
        auto tested = start_with(*dense, graph, loss), truth = start_with(*ref, graph, loss);
        const auto rows = some_rows(batch);
        const double weight = engine::loss_weight(loss, samples, rows);
        const double scale = weight > 0 ? 1 / weight : 0;
        const auto got = tested->accumulate(samples, rows, scale, 0),
                   expected = truth->accumulate(samples, rows, scale, 0);
        EXPECT_NEAR(got.loss_sum, expected.loss_sum, kTolerance * (1e-2 + std::abs(expected.loss_sum))) << what;
        EXPECT_EQ(got.correct, expected.correct) << what;
        const engine::State gradients = truth->gradients();
        const double floor = std::max(1e-3 * largest_magnitude(gradients), 1e-6);
        EXPECT_LT(relative_difference(graph, gradients, tested->gradients(), floor), kTolerance) << what;
      }
    }
}

TEST_P(LossConformance, EvaluationsAgreeWithTheReferenceOnEveryTarget) {
  const engine::LossDeclaration& declaration = *engine::find_loss(GetParam());
  for_each_target([&](const std::string& target) {
    for (const std::int64_t outputs : {1, 5})
      for (const engine::LossSettings& loss : loss_variants(declaration, outputs)) {
        const ir::Graph graph = make_chain(6, {linear(6, 9), activation("tanh"), linear(9, outputs)});
        const data::Samples samples = samples_for(declaration, 517, 6, outputs);
        const auto got = start_with(*backend::make_dense_backend(), graph, loss)->evaluate(samples, 3, 509);
        const auto expected = start_with(*backend::make_ref_backend(), graph, loss)->evaluate(samples, 3, 509);
        const std::string what = target + " " + loss.to_text();
        EXPECT_NEAR(got.loss(), expected.loss(), kTolerance * (1e-2 + expected.loss())) << what;
        EXPECT_EQ(got.weight, expected.weight) << what;
        EXPECT_EQ(got.class_rows, expected.class_rows) << what;
        EXPECT_EQ(got.class_correct, expected.class_correct) << what;
        EXPECT_EQ(got.target_squares, expected.target_squares) << what;
        ASSERT_EQ(got.regression(), declaration.task == data::Task::kRegression) << what;
        if (!got.regression()) continue;
        EXPECT_NEAR(got.mean_squared_error(), expected.mean_squared_error(), kTolerance) << what;
        EXPECT_NEAR(got.mean_absolute_error(), expected.mean_absolute_error(), kTolerance) << what;
        EXPECT_NEAR(got.r2(), expected.r2(), kTolerance) << what;
      }
  });
}

TEST_P(LossConformance, SumsDoNotDependOnTheBatchSizeOfTheSession) {
  const engine::LossDeclaration& declaration = *engine::find_loss(GetParam());
  const ir::Graph graph = make_chain(6, {linear(6, 9), activation("tanh"), linear(9, 5)});
  const data::Samples samples = samples_for(declaration, 517, 6, 5);
  const auto dense = backend::make_dense_backend();
  std::vector<engine::EvaluationResult> results;
  for (const std::int64_t batch : {1, 100, 1000}) {
    auto session =
        dense->compile(graph, {.batch_size = batch, .training = false, .loss = {.name = GetParam()}})->make_session();
    session->load(engine::initial_state(graph, 1, 2, 3));
    results.push_back(session->evaluate(samples, 0, 517));
  }
  for (const engine::EvaluationResult& result : results) {
    EXPECT_EQ(result.loss_sum, results.front().loss_sum);
    EXPECT_EQ(result.squared_errors, results.front().squared_errors);
    EXPECT_EQ(result.absolute_errors, results.front().absolute_errors);
  }
}

std::vector<std::string> loss_names() {
  std::vector<std::string> names;
  for (const engine::LossDeclaration& declaration : engine::loss_declarations()) names.push_back(declaration.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(Registry, LossConformance, testing::ValuesIn(loss_names()),
                         [](const auto& parameter) { return parameter.param; });

void compare_penalised_steps(const std::string& name, const ir::Graph& graph,
                             const engine::OptimizerSettings& optimizer) {
  const data::Samples samples = random_samples(300, 6, 5, 3);
  auto tested = start_with(*backend::make_dense_backend(), graph, {}, optimizer);
  auto truth = start_with(*backend::make_ref_backend(), graph, {}, optimizer);
  for (std::size_t step = 0; step < 10; ++step)
    for (auto* session : {tested.get(), truth.get()}) {
      const auto rows = some_rows(100);
      session->accumulate(samples, rows, 0.01, step);
      session->update(1e-3);
    }
  EXPECT_LT(relative_difference(graph, truth->state(), tested->state()), kTolerance) << name;
}

TEST(Penalties, StepsOfEveryOptimizerAgreeWithTheReference) {
  const ir::Graph graph = make_chain(
      6, {linear(6, 9), activation("tanh"), batch_norm(9), linear(9, 33), activation("tanh"), linear(33, 5)});
  for (const auto& [l1, l2] : std::vector<std::pair<double, double>>{{0.01, 0}, {0, 0.03}, {0.002, 0.01}}) {
    compare_penalised_steps("sgd", graph, {.name = "sgd", .l1 = l1, .l2 = l2});
    compare_penalised_steps("momentum", graph, {.name = "sgd", .momentum = 0.9, .l1 = l1, .l2 = l2});
    compare_penalised_steps("adam", graph, {.name = "adam", .weight_decay = 0.01, .l1 = l1, .l2 = l2});
    compare_penalised_steps("adamw", graph, {.name = "adamw", .weight_decay = 0.1, .l1 = l1, .l2 = l2});
    compare_penalised_steps("rmsprop", graph, {.name = "rmsprop", .weight_decay = 0.01, .l1 = l1, .l2 = l2});
  }
}

// One step of SGD on rows that teach nothing (loss_scale 0): what moves is the penalty alone.
TEST(Penalties, ActOnWeightsBeforeTheirQuantisationAndOnNothingElse) {
  ir::Graph graph = make_chain(6, {batch_norm(6), linear(6, 9), activation("tanh"), linear(9, 5)});
  quantize_parameters(graph, 4, 2);
  const data::Samples samples = random_samples(300, 6, 5, 3);
  const engine::State before = engine::initial_state(graph, 1, 2, 3);
  for (const auto& backend : {backend::make_dense_backend(), backend::make_ref_backend()}) {
    auto session = start_with(*backend, graph, {}, {.name = "sgd", .l1 = 0.5, .l2 = 0.25});
    session->accumulate(samples, some_rows(10), 0, 0);
    session->update(0.125);
    const engine::State after = session->state();
    for (std::size_t t = 0; t < before.size(); ++t) {
      if (!before[t].trainable) continue;
      for (std::size_t i = 0; i < before[t].values.size(); ++i) {
        const double w = before[t].values[i];
        const double sign = w > 0 ? 1 : w < 0 ? -1 : 0;
        const double expected = before[t].shape.size() > 1 ? w - 0.125 * (0.5 * sign + 2 * 0.25 * w) : w;
        EXPECT_NEAR(after[t].values[i], expected, 1e-7) << backend->name() << " " << before[t].name;
      }
    }
  }
}

// A session's loss and its rows must be of one task.
TEST(Losses, RefuseRowsOfTheOtherTask) {
  const ir::Graph graph = make_chain(6, {linear(6, 5)});
  const data::Samples classes = random_samples(20, 6, 5, 3);
  for (const auto& backend : {backend::make_dense_backend(), backend::make_ref_backend()}) {
    auto session = backend->compile(graph, {.batch_size = 20, .loss = {.name = "huber"}})->make_session();
    session->load(engine::initial_state(graph, 1, 2, 3));
    EXPECT_ANY_THROW(session->evaluate(classes, 0, 20)) << backend->name();
  }
}

}  // namespace
}  // namespace lathe::conformance
