// Compares gradients with central differences of the loss.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "backend/ref/chains.h"
#include "conformance/networks.h"
#include "conformance/op_networks.h"
#include "lathe/backend/ref/ref.h"
#include "lathe/ir/op.h"

namespace lathe::backend {
namespace {

constexpr std::size_t kBatch = 12;
constexpr std::int64_t kClasses = 4;
constexpr float kStep = 0x1p-14f;          // weights are multiples of 2^-12: both sides are exact in float
constexpr double kClearance = 0.02;        // no pre-activation of a kinked op comes nearer to 0
constexpr std::uint64_t kDropoutSeed = 5;  // the same masks in every pass
constexpr double kTolerance = 1e-6;

// The graph up to the value that node `last` reads, as a network of its own.
ir::Graph before(const ir::Graph& graph, std::size_t node) {
  ir::Graph part;
  const std::size_t last = graph.nodes[node].inputs[0];
  part.nodes.assign(graph.nodes.begin(), graph.nodes.begin() + static_cast<std::ptrdiff_t>(last) + 1);
  part.nodes.push_back(graph.output());
  part.nodes.back().inputs = {last};
  part.nodes.back().output_shape = graph.nodes[last].output_shape;
  return part;
}

// Rows whose values before the kinked ops stay clear of the kinks. Only networks without batch norm have kinks here, so
// rows do not depend on each other.
std::vector<std::uint32_t> clear_rows(const ir::Graph& graph, const engine::State& state,
                                      const data::Samples& samples) {
  std::vector<bool> clear(static_cast<std::size_t>(samples.rows()), true);
  for (std::size_t i = 1; i < graph.nodes.size(); ++i) {
    const std::vector<double> kinks = conformance::kinks(graph.nodes[i]);
    if (kinks.empty()) continue;
    const ir::Graph part = before(graph, i);
    auto session = make_ref_backend()->compile(part, {.batch_size = 64, .training = false})->make_session();
    session->load({state.begin(), state.begin() + static_cast<std::ptrdiff_t>(engine::zero_state(part).size())});
    std::vector<float> values(clear.size() * static_cast<std::size_t>(part.output().output_shape[0]));
    session->predict(samples, 0, samples.rows(), values);
    for (std::size_t k = 0; k < values.size(); ++k)
      for (const double kink : kinks)
        if (std::fabs(values[k] - kink) < kClearance) clear[k / (values.size() / clear.size())] = false;
  }
  std::vector<std::uint32_t> rows;
  for (std::size_t i = 0; i < clear.size() && rows.size() < kBatch; ++i)
    if (clear[i]) rows.push_back(static_cast<std::uint32_t>(i));
  EXPECT_EQ(rows.size(), kBatch);
  return rows;
}

// What a network learns from and by which loss.
struct Problem {
  data::Samples samples;
  engine::LossSettings loss = {};
};

double loss(const ir::Graph& graph, const engine::State& state, const Problem& problem,
            const std::vector<std::uint32_t>& rows) {
  return training_session(graph, state, kBatch, problem.loss)
      ->accumulate(problem.samples, rows, 1, kDropoutSeed)
      .loss_sum;
}

// Fourth-order central difference, from steps h and 2h.
double difference_quotient(const ir::Graph& graph, engine::State state, std::size_t tensor, std::size_t i,
                           const Problem& problem, const std::vector<std::uint32_t>& rows) {
  const float value = state[tensor].values[i];
  const auto loss_at = [&](float shift) {
    state[tensor].values[i] = value + shift;
    return loss(graph, state, problem, rows);
  };
  const double near = loss_at(kStep) - loss_at(-kStep), far = loss_at(2 * kStep) - loss_at(-2 * kStep);
  return (8 * near - far) / (12 * static_cast<double>(kStep));
}

void check_problem(const std::string& name, const ir::Graph& graph, const Problem& problem) {
  const engine::State state = random_state(graph, 3);
  const auto rows = clear_rows(graph, state, problem.samples);
  auto session = training_session(graph, state, kBatch, problem.loss);
  session->accumulate(problem.samples, rows, 1, kDropoutSeed);
  const engine::State gradients = session->gradients();
  for (std::size_t t = 0; t < state.size(); ++t) {
    if (!state[t].trainable) continue;
    double largest = 0;
    for (const float value : gradients[t].values) largest = std::max(largest, std::fabs(static_cast<double>(value)));
    for (std::size_t i = 0; i < state[t].values.size(); ++i)
      EXPECT_NEAR(gradients[t].values[i], difference_quotient(graph, state, t, i, problem, rows),
                  kTolerance * largest + 1e-9)
          << name << " " << state[t].name << "[" << i << "]";
  }
}

void check_graph(const std::string& name, const ir::Graph& graph) {
  check_problem(name, graph, {random_samples(400, graph.input().output_shape[0], kClasses, 4)});
}

// Replaces the labels by targets of magnitude 3 to 5.
void set_targets(data::Samples& samples, std::int64_t outputs) {
  const std::size_t rows = samples.labels.size();
  samples.labels.clear();
  samples.outputs = outputs;
  for (std::size_t i = 0; i < rows * static_cast<std::size_t>(outputs); ++i)
    samples.targets.push_back((i % 2 == 0 ? 1.0f : -1.0f) * (3.0f + static_cast<float>(i % 5) * 0.5f));
}

void check_gradients(const std::string& name, std::int64_t in_features, const std::vector<Layer>& layers) {
  check_graph(name, chain(in_features, layers));
}

// The layer behind a linear layer, whose gradients pass back through it, and before another one.
void check_op(const Layer& layer) { check_gradients(layer.op, 5, {linear(5, 6), layer, linear(6, kClasses)}); }

TEST(FiniteDifference, Linear) {
  check_op(linear(6, 6));
  check_op(linear(6, 6, false));
}
TEST(FiniteDifference, BatchNorm) {
  check_op(batch_norm(6));
  check_op(batch_norm(6, 0.1, 0.9));
  check_gradients("batch norm first", 5, {batch_norm(5), linear(5, kClasses)});
  check_gradients("batch norm on the logits", 5, {linear(5, kClasses), batch_norm(kClasses)});
}
TEST(FiniteDifference, Relu) { check_op({"relu"}); }
TEST(FiniteDifference, LeakyRelu) {
  check_op({"leaky_relu"});
  check_op({"leaky_relu", {{"negative_slope", 0.3}}});
}
TEST(FiniteDifference, Tanh) { check_op({"tanh"}); }
TEST(FiniteDifference, Sigmoid) { check_op({"sigmoid"}); }
TEST(FiniteDifference, Gelu) {
  check_op({"gelu"});
  check_op({"gelu", {{"approximate", std::string("tanh")}}});
}
TEST(FiniteDifference, Relu6) {
  check_gradients("relu6", 5, {{"relu6"}, linear(5, 6), {"relu6"}, linear(6, kClasses)});
}
TEST(FiniteDifference, Silu) { check_op({"silu"}); }
TEST(FiniteDifference, Hardswish) { check_op({"hardswish"}); }
TEST(FiniteDifference, Hardsigmoid) { check_op({"hardsigmoid"}); }
TEST(FiniteDifference, Hardtanh) {
  check_op({"hardtanh"});
  check_op({"hardtanh", {{"min_val", -0.25}, {"max_val", 0.5}}});
}
TEST(FiniteDifference, Elu) {
  check_op({"elu"});
  check_op({"elu", {{"alpha", 0.5}}});
}
TEST(FiniteDifference, Selu) { check_op({"selu"}); }
TEST(FiniteDifference, Softplus) {
  check_op({"softplus"});
  check_op({"softplus", {{"beta", 2.0}, {"threshold", 0.5}}});
}
TEST(FiniteDifference, Dropout) {
  check_op({"dropout", {{"p", 0.3}}});
  check_op({"dropout", {{"p", 0.0}}});
}
TEST(FiniteDifference, FlattenAndIdentity) {
  check_op({"flatten"});
  check_op({"identity"});
}
TEST(FiniteDifference, SmoothNetwork) {
  check_gradients("smooth", 6,
                  {batch_norm(6),
                   {"tanh"},
                   linear(6, 7),
                   batch_norm(7),
                   {"gelu"},
                   {"dropout", {{"p", 0.25}}},
                   linear(7, 5),
                   {"sigmoid"},
                   linear(5, kClasses)});
}
TEST(FiniteDifference, ReluNetwork) {
  check_gradients("relu", 6, {linear(6, 4), {"relu"}, linear(4, 5), {"leaky_relu"}, linear(5, kClasses)});
}

// Every loss of the registry, behind a smooth network; targets are far enough from the outputs for the bends of losses
// to play no part, on both sides.
TEST(FiniteDifference, EveryLoss) {
  const ir::Graph graph = chain(5, {linear(5, 6), {"tanh"}, linear(6, kClasses)});
  for (const engine::LossDeclaration& declaration : engine::loss_declarations()) {
    Problem problem{random_samples(400, 5, kClasses, 4), {.name = declaration.name}};
    if (declaration.task == data::Task::kRegression) set_targets(problem.samples, kClasses);
    check_problem(declaration.name, graph, problem);
    if (declaration.name == "huber") problem.loss.delta = 8;  // all errors lie inside
    if (declaration.name == "cross_entropy") problem.loss = {.label_smoothing = 0.25, .class_weights = {0.5, 1, 3, 0}};
    check_problem(problem.loss.to_text(), graph, problem);
  }
}

// Builds networks whose nodes read any earlier ones.
class Dag {
 public:
  explicit Dag(std::int64_t in_features) : builder_("dag", {in_features}) {}
  std::size_t add(const Layer& layer, std::vector<std::size_t> inputs) {
    const std::string name = fmt::format("node_{}", builder_.graph().nodes.size());
    return builder_.add(layer.op, layer.op == "add" ? "" : name, layer.attributes, std::move(inputs), name);
  }
  std::size_t sum(std::vector<std::size_t> inputs) { return add({"add"}, std::move(inputs)); }
  ir::Graph finish() && { return std::move(builder_).finish(); }

 private:
  ir::GraphBuilder builder_;
};

TEST(FiniteDifference, ResidualSum) {
  Dag dag(5);
  const std::size_t a = dag.add(linear(5, 6), {0});
  const std::size_t b = dag.add(linear(6, 6), {dag.add({"tanh"}, {a})});
  dag.add(linear(6, kClasses), {dag.sum({a, b})});
  check_graph("residual", std::move(dag).finish());
}
TEST(FiniteDifference, NestedSumsOverBatchNormsAndDropout) {
  Dag dag(6);
  const std::size_t a = dag.add(linear(6, 6), {0});
  const std::size_t b = dag.add({"tanh"}, {dag.add(batch_norm(6), {a})});
  const std::size_t inner = dag.sum({b, dag.add({"dropout", {{"p", 0.25}}}, {dag.add(linear(6, 6), {b})}), 0});
  const std::size_t c = dag.add({"gelu"}, {dag.add(batch_norm(6), {dag.add(linear(6, 6), {inner})})});
  dag.add(linear(6, kClasses), {dag.sum({a, c, inner})});
  check_graph("nested", std::move(dag).finish());
}
TEST(FiniteDifference, AValueAddedToItself) {
  Dag dag(5);
  const std::size_t a = dag.add({"sigmoid"}, {dag.add(linear(5, 6), {0})});
  dag.add(linear(6, kClasses), {dag.sum({a, a, a})});
  check_graph("tripled", std::move(dag).finish());
}
TEST(FiniteDifference, SumOnTheLogits) {
  Dag dag(5);
  const std::size_t a = dag.add(linear(5, kClasses), {0});
  dag.sum({a, dag.add(linear(kClasses, kClasses), {dag.add({"relu"}, {a})})});
  check_graph("logits", std::move(dag).finish());
}

// A value that two nodes read: gradients add up. The chain's second linear layer reads the tanh, the first is unused.
TEST(FiniteDifference, ValueReadTwice) {
  ir::GraphBuilder builder("fork", {3});
  const auto first = builder.add("linear", "a", {{"in_features", std::int64_t{3}}, {"out_features", std::int64_t{4}}});
  builder.add("relu", "unused", {}, {first});
  builder.add("tanh", "used", {}, {first});
  const ir::Graph fork = std::move(builder).finish();
  const ir::Graph plain = chain(3, {linear(3, 4), {"tanh"}});
  const engine::State state = random_state(plain, 1);
  engine::State fork_state = state;
  for (std::size_t i = 0; i < state.size(); ++i) fork_state[i].name = engine::zero_state(fork)[i].name;
  const data::Samples samples = random_samples(kBatch, 3, 4, 2);
  auto one = training_session(plain, state, kBatch), other = training_session(fork, fork_state, kBatch);
  one->accumulate(samples, first_rows(kBatch), 1, 0);
  other->accumulate(samples, first_rows(kBatch), 1, 0);
  for (std::size_t i = 0; i < state.size(); ++i) EXPECT_EQ(one->gradients()[i].values, other->gradients()[i].values);
}

// Some weights of every tensor, and only networks without kinks: ops with kinks are checked on features above.
void check_some(const std::string& name, const ir::Graph& graph) {
  constexpr std::size_t kRows = 4, kWeights = 6;
  const Problem problem{conformance::samples_for(graph, kRows, 3)};
  const engine::State state = random_state(graph, 3);
  auto session = training_session(graph, state, kRows);
  session->accumulate(problem.samples, first_rows(kRows), 1, kDropoutSeed);
  const engine::State gradients = session->gradients();
  for (std::size_t t = 0; t < state.size(); ++t) {
    if (!state[t].trainable) continue;
    double largest = 0;
    for (const float value : gradients[t].values) largest = std::max(largest, std::fabs(static_cast<double>(value)));
    const std::size_t stride = std::max<std::size_t>(state[t].values.size() / kWeights, 1);
    for (std::size_t i = 0; i < state[t].values.size(); i += stride)
      EXPECT_NEAR(gradients[t].values[i], difference_quotient(graph, state, t, i, problem, first_rows(kRows)),
                  kTolerance * largest + 1e-8)
          << name << " " << state[t].name << "[" << i << "]";
  }
}

TEST(FiniteDifference, TheNetworksOfTheConformanceSuite) {
  std::set<std::string> checked = {"input", "output", "quantize"};
  for (const conformance::OpNetwork& network : conformance::op_networks()) {
    const ir::Graph graph = network.make();
    bool smooth = true;
    for (const ir::Node& node : graph.nodes)
      smooth = smooth && conformance::kinks(node).empty() && node.op != "quantize";
    for (const ir::Node& node : graph.nodes)
      if (smooth || !conformance::kinks(node).empty()) checked.insert(node.op);
    if (smooth) check_some(network.name, graph);
  }
  for (const ir::OpDeclaration& op : ir::op_declarations()) EXPECT_TRUE(checked.contains(op.name)) << op.name;
}

}  // namespace
}  // namespace lathe::backend
