// Every loss and every update rule of the lists on every back end, against ref.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "conformance/backends.h"
#include "conformance/networks.h"
#include "lathe/backend/ref/ref.h"

namespace lathe::conformance {
namespace {

constexpr std::int64_t kWidth = 6, kOutputs = 5, kRows = 90;

// Rows with what a task learns from.
data::Samples task_samples(data::Task task) {
  data::Samples samples = random_samples(kRows, kWidth, kOutputs, 3);
  if (task == data::Task::kClassification) return samples;
  samples.labels.clear();
  samples.outputs = kOutputs;
  samples.targets = random_samples(kRows, kOutputs, 2, 4).features;
  return samples;
}

// What is compared: the same rows, once by a back end and once by the reference.
struct Run {
  const ir::Graph& graph;
  const data::Samples& samples;
  engine::LossSettings loss;
  engine::OptimizerSettings optimizer = {};

  std::unique_ptr<engine::Session> start_on(const engine::Backend& backend, int threads) const {
    auto session = backend.compile(graph, {.batch_size = kRows, .training = true, .loss = loss, .threads = threads})
                       ->make_session();
    session->load(engine::initial_state(graph, 1, 2, 3));
    session->set_optimizer(optimizer);
    return session;
  }
};

std::vector<std::uint32_t> first_rows(std::size_t count) {
  std::vector<std::uint32_t> rows(count);
  std::iota(rows.begin(), rows.end(), 0u);
  return rows;
}

void compare_loss(const TestedBackend& tested, const Run& run) {
  const auto got_of = run.start_on(*tested.backend, tested.threads);
  const auto expected_of = run.start_on(*backend::make_ref_backend(), 1);
  for (const std::size_t count : {1, 37, 70}) {
    const auto rows = first_rows(count);
    const double scale = 1 / static_cast<double>(count);
    const auto got = got_of->accumulate(run.samples, rows, scale, 0),
               expected = expected_of->accumulate(run.samples, rows, scale, 0);
    EXPECT_NEAR(got.loss_sum, expected.loss_sum, tested.tolerance * (1e-2 + std::abs(expected.loss_sum))) << count;
    EXPECT_EQ(got.correct, expected.correct) << count;
    const engine::State gradients = expected_of->gradients();
    EXPECT_LT(relative_difference(run.graph, gradients, got_of->gradients(), 1e-2 * largest_magnitude(gradients)),
              tested.gradient_tolerance)
        << count;
  }
  const auto got = got_of->evaluate(run.samples, 5, 80), expected = expected_of->evaluate(run.samples, 5, 80);
  EXPECT_NEAR(got.loss(), expected.loss(), tested.tolerance * (1e-2 + std::abs(expected.loss())));
  EXPECT_EQ(got.rows, expected.rows);
  EXPECT_EQ(got.class_correct, expected.class_correct);
}

void compare_steps(const TestedBackend& tested, const Run& run) {
  const auto got = run.start_on(*tested.backend, tested.threads);
  const auto expected = run.start_on(*backend::make_ref_backend(), 1);
  for (std::size_t step = 0; step < 5; ++step)
    for (auto* session : {got.get(), expected.get()}) {
      session->accumulate(run.samples, first_rows(60 + step), 0.01, 0);
      session->update(1e-3);
    }
  EXPECT_LT(relative_difference(run.graph, expected->state(), got->state(), 1e-2), tested.gradient_tolerance);
}

ir::Graph smooth_network() { return make_chain(kWidth, {linear(kWidth, 9), activation("tanh"), linear(9, kOutputs)}); }

TEST(Registries, EveryLossAgreesWithTheReferenceOnEveryBackEnd) {
  const ir::Graph graph = smooth_network();
  for (const engine::LossDeclaration& declaration : engine::loss_declarations()) {
    const data::Samples samples = task_samples(declaration.task);
    for (const TestedBackend& tested : tested_backends()) {
      SCOPED_TRACE(declaration.name + " on " + tested.name);
      ASSERT_EQ(tested.backend->loss_refusal({.name = declaration.name}), std::nullopt);
      compare_loss(tested, {graph, samples, {.name = declaration.name}});
    }
  }
}

TEST(Registries, EveryUpdateRuleAgreesWithTheReferenceOnEveryBackEnd) {
  const ir::Graph graph = smooth_network();
  const data::Samples samples = task_samples(data::Task::kClassification);
  for (const engine::OptimizerDeclaration& rule : engine::optimizers())
    for (const TestedBackend& tested : tested_backends()) {
      SCOPED_TRACE(rule.name + " on " + tested.name);
      compare_steps(tested, {graph, samples, {}, {.name = rule.name, .weight_decay = 0.01}});
      compare_steps(tested, {graph, samples, {}, {.name = rule.name, .l1 = 1e-3, .l2 = 1e-2}});
    }
}

}  // namespace
}  // namespace lathe::conformance
