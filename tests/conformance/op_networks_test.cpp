// Every back end against ref on the networks of op_networks.h: predictions, gradients, statistics, steps, evaluation.
#include "conformance/op_networks.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

#include "conformance/backends.h"
#include "conformance/networks.h"
#include "lathe/backend/ref/ref.h"
#include "lathe/base/process_memory.h"
#include "lathe/base/threads.h"

namespace lathe::conformance {
namespace {

constexpr std::int64_t kRows = 60;
constexpr std::size_t kBatches[] = {2, 5, 17};
constexpr std::size_t kSteps = 4, kStepBatch = 12;
// Of the largest gradient: what small ones are compared with. Scales that a later batch norm takes back have almost
// none.
constexpr double kFloor = 1e-2;

const ir::Graph& graph_of(std::size_t network) {
  static std::map<std::size_t, ir::Graph> graphs;
  const auto found = graphs.find(network);
  return found != graphs.end() ? found->second : graphs[network] = op_networks()[network].make();
}

bool is_quantised(const ir::Graph& graph) {
  return std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const ir::Node& node) {
    return node.op == "quantize" || std::any_of(node.parameters.begin(), node.parameters.end(),
                                                [](const ir::Parameter& parameter) { return parameter.format; });
  });
}

// Compares one back end with the reference on one network.
class Comparison {
 public:
  Comparison(const TestedBackend& tested, const ir::Graph& graph)
      : tested_(tested),
        graph_(graph),
        samples_(samples_for(graph, kRows, 5)),
        state_(engine::initial_state(graph, 7, 8, 9)) {}

  void compare_predictions() const {
    const std::vector<float> got = predict(*tested_.backend), expected = predict(*reference_);
    double largest = 1;
    for (const float value : expected) largest = std::max(largest, std::abs(static_cast<double>(value)));
    std::size_t wrong = 0;  // rounding of a quantiser may go the other way on a boundary
    for (std::size_t i = 0; i < got.size(); ++i)
      wrong += std::abs(got[i] - expected[i]) <= tested_.tolerance * largest ? 0 : 1;
    EXPECT_LE(wrong, is_quantised(graph_) ? got.size() / 50 : 0) << "predictions";
  }

  void compare_gradients(std::size_t batch) const {
    const auto rows = clear_rows(graph_, state_, samples_, batch, batch);
    const auto tested = session(*tested_.backend, batch, {}), truth = session(*reference_, batch, {});
    const double scale = 1.0 / static_cast<double>(batch);
    const auto got = tested->accumulate(samples_, rows, scale, 42),
               expected = truth->accumulate(samples_, rows, scale, 42);
    EXPECT_NEAR(got.loss_sum, expected.loss_sum, tested_.tolerance * std::abs(expected.loss_sum))
        << "loss of " << batch;
    EXPECT_EQ(got.correct, expected.correct) << "correct of " << batch;
    const engine::State gradients = truth->gradients();
    EXPECT_LT(relative_difference(graph_, gradients, tested->gradients(), kFloor * largest_magnitude(gradients)),
              tested_.gradient_tolerance)
        << "gradients of " << batch;
    EXPECT_LT(relative_difference(graph_, truth->state(), tested->state(), 1e-2), tested_.tolerance)
        << "statistics of " << batch;
  }

  // Where weights are rounded, both go on from the same ones after every step: a last bit may stand on a boundary.
  void compare_steps(const char* name, const engine::OptimizerSettings& optimizer, double rate) const {
    const auto tested = session(*tested_.backend, kStepBatch, optimizer);
    const auto truth = session(*reference_, kStepBatch, optimizer);
    for (std::size_t step = 0; step < kSteps; ++step) {
      const auto rows = clear_rows(graph_, truth->state(), samples_, kStepBatch, step * 13);
      for (auto* trained : {tested.get(), truth.get()}) {
        trained->accumulate(samples_, rows, 1.0 / kStepBatch, step);
        trained->update(rate);
      }
      const engine::State expected = truth->state();
      EXPECT_LT(relative_difference(graph_, expected, tested->state(), 1e-2), tested_.gradient_tolerance)
          << name << " step " << step;
      if (!is_quantised(graph_)) continue;
      for (auto* trained : {tested.get(), truth.get()}) trained->load(expected);
    }
    // Biases in front of batch norms, which Adam moves by the sign of rounding errors, count in evaluation.
    const engine::State last = truth->state();
    for (auto* trained : {tested.get(), truth.get()}) trained->load(last);
    compare_evaluation(*tested, *truth);
  }

  void expect_equal_bits() const {
    const auto run = [&](std::int64_t planned_batch) {
      const auto trained = session(*tested_.backend, static_cast<std::size_t>(planned_batch), {});
      std::vector<std::uint32_t> rows(kStepBatch);
      for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::uint32_t>(i * 7 % kRows);
      for (int step = 0; step < 2; ++step) trained->accumulate(samples_, rows, 0.1, 3), trained->update(1e-3);
      return trained->state();
    };
    const engine::State first = run(kStepBatch);
    EXPECT_EQ(first, run(kStepBatch)) << "a second run";
    EXPECT_GT(tested_.backend->compile(graph_, settings(kStepBatch, true))->session_bytes(), 0);
  }

 private:
  engine::SessionSettings settings(std::size_t batch, bool training) const {
    return {
        .batch_size = static_cast<std::int64_t>(batch), .training = training, .loss = {}, .threads = tested_.threads};
  }
  std::unique_ptr<engine::Session> session(const engine::Backend& backend, std::size_t batch,
                                           const engine::OptimizerSettings& optimizer) const {
    auto made = backend.compile(graph_, settings(batch, true))->make_session();
    made->load(state_);
    made->set_optimizer(optimizer);
    return made;
  }
  // In calls of several sizes, with more and fewer rows than the session was made for.
  std::vector<float> predict(const engine::Backend& backend) const {
    const auto made = backend.compile(graph_, settings(7, false))->make_session();
    made->load(state_);
    const auto width = static_cast<std::size_t>(element_count(graph_.output().output_shape));
    std::vector<float> outputs(static_cast<std::size_t>(kRows) * width);
    std::size_t first = 0;
    for (const std::size_t count : {1, 7, 20, 32}) {
      made->predict(samples_, static_cast<std::int64_t>(first), static_cast<std::int64_t>(count),
                    std::span(outputs).subspan(first * width, count * width));
      first += count;
    }
    return outputs;
  }
  void compare_evaluation(engine::Session& tested, engine::Session& truth) const {
    const auto got = tested.evaluate(samples_, 3, kRows - 5), expected = truth.evaluate(samples_, 3, kRows - 5);
    const double share = is_quantised(graph_) ? 1e-2 : tested_.gradient_tolerance;
    EXPECT_NEAR(got.loss_sum, expected.loss_sum, share * expected.loss_sum);
    EXPECT_EQ(got.rows, expected.rows);
    EXPECT_EQ(got.class_rows, expected.class_rows);
    EXPECT_NEAR(static_cast<double>(got.correct), static_cast<double>(expected.correct), is_quantised(graph_) ? 2 : 0);
    if (is_quantised(graph_)) return;
    EXPECT_EQ(got.class_predicted, expected.class_predicted);
    EXPECT_EQ(got.class_correct, expected.class_correct);
  }

  const TestedBackend& tested_;
  const ir::Graph& graph_;
  data::Samples samples_;
  engine::State state_;
  std::shared_ptr<const engine::Backend> reference_ = backend::make_ref_backend();
};

using Pair = std::tuple<std::size_t, std::size_t>;
class OpNetworks : public testing::TestWithParam<Pair> {
 protected:
  const TestedBackend& tested() const { return tested_backends()[std::get<0>(GetParam())]; }
  const ir::Graph& graph() const { return graph_of(std::get<1>(GetParam())); }
};

TEST_P(OpNetworks, AgreeWithTheReference) {
  ASSERT_EQ(tested().backend->refusal(graph()), std::nullopt);
  const Comparison comparison(tested(), graph());
  comparison.compare_predictions();
  for (const std::size_t batch : kBatches) comparison.compare_gradients(batch);
  comparison.compare_steps("adam", {}, 1e-3);
  comparison.compare_steps("momentum", {.name = "sgd", .weight_decay = 1e-2, .momentum = 0.9, .nesterov = true}, 1e-2);
  comparison.expect_equal_bits();
}

// Leaves out what a back end refuses and may refuse.
std::vector<Pair> pairs() {
  std::vector<Pair> all;
  for (std::size_t k = 0; k < tested_backends().size(); ++k)
    for (std::size_t i = 0; i < op_networks().size(); ++i) {
      const TestedBackend& tested = tested_backends()[k];
      if (!tested.may_refuse || !tested.backend->refusal(graph_of(i))) all.emplace_back(k, i);
    }
  return all;
}

// A build whose only other back end is dense has nothing to compare.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(OpNetworks);
INSTANTIATE_TEST_SUITE_P(Registry, OpNetworks, testing::ValuesIn(pairs()), [](const auto& parameter) {
  return tested_backends()[std::get<0>(parameter.param)].name + "_" + op_networks()[std::get<1>(parameter.param)].name;
});

// 1 TB of weights: allocating any of it to plan it would fail, or be seen.
TEST(PlannedBytes, OfWhatNoMachineHoldsAreComputedAlone) {
  constexpr std::int64_t kWide = std::int64_t{1} << 19;
  const ir::Graph graph =
      make_chain(16, {linear(16, kWide), activation("relu"), linear(kWide, kWide), linear(kWide, 5)});
  std::vector<std::shared_ptr<const engine::Backend>> backends{backend::make_ref_backend()};
  for (const TestedBackend& tested : tested_backends()) backends.push_back(tested.backend);
  for (const auto& backend : backends) {
    restart_peak_memory();
    const std::int64_t before = resident_memory();
    EXPECT_GT(backend->compile(graph, {.batch_size = 128})->session_bytes(), 4 * 4 * kWide * kWide) << backend->name();
    EXPECT_LT(peak_memory() - before, 100'000'000) << backend->name();
  }
}

// Sessions share a network, are made and used in several threads, and live on when it is gone.
TEST(CompiledNetwork, MakesSessionsThatDoNotDisturbEachOther) {
  const ir::Graph graph = make_chain(16, {linear(16, 24),
                                          batch_norm(24),
                                          activation("relu"),
                                          {.op = "dropout", .attributes = {{"p", 0.2}}},
                                          linear(24, 5)});
  const data::Samples samples = random_samples(kRows, 16, 5, 4);
  const auto train = [&](engine::Session& session) {
    session.load(engine::initial_state(graph, 1, 2, 3));
    session.set_optimizer({});
    std::vector<std::uint32_t> rows(kStepBatch);
    std::iota(rows.begin(), rows.end(), 0u);
    for (std::uint64_t step = 0; step < 5; ++step) session.accumulate(samples, rows, 0.1, step), session.update(1e-2);
    return session.state();
  };
  std::vector<TestedBackend> all = tested_backends();
  all.push_back({.name = "ref", .backend = backend::make_ref_backend()});
  for (const TestedBackend& tested : all) {
    const engine::SessionSettings settings{.batch_size = kStepBatch, .threads = tested.threads};
    auto network = tested.backend->compile(graph, settings);
    EXPECT_EQ(network->session_bytes(), tested.backend->compile(graph, settings)->session_bytes()) << tested.name;
    const engine::State expected = train(*tested.backend->compile(graph, settings)->make_session());
    std::array<engine::State, 3> states;
    {
      ThreadGroup threads;
      for (engine::State& state : states)
        threads.start("a session", [&state, &train, mine = network]() mutable {
          const auto session = mine->make_session();
          mine.reset();
          state = train(*session);
        });
      network.reset();
    }
    for (const engine::State& state : states) EXPECT_EQ(state, expected) << tested.name;
  }
}

// The reference itself runs them all, so that no back end is compared with nothing.
TEST(OpNetworksList, TheReferenceRunsEveryNetwork) {
  for (std::size_t i = 0; i < op_networks().size(); ++i)
    EXPECT_EQ(backend::make_ref_backend()->refusal(graph_of(i)), std::nullopt) << op_networks()[i].name;
}

TEST(OpNetworksList, HoldsEveryOpOfTheRegistry) {
  std::set<std::string> held;
  for (std::size_t i = 0; i < op_networks().size(); ++i)
    for (const ir::Node& node : graph_of(i).nodes) held.insert(node.op);
  for (const ir::OpDeclaration& declaration : ir::op_declarations())
    EXPECT_TRUE(held.contains(declaration.name)) << "op " << declaration.name << " is in no network of op_networks.cpp";
}

}  // namespace
}  // namespace lathe::conformance
