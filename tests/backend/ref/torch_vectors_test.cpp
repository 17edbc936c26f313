// Compares with PyTorch in float64: tests/golden/torch_*.json, made by tests/golden/make_torch_*.py.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "backend/ref/chains.h"
#include "lathe/backend/ref/ref.h"

namespace lathe::backend {
namespace {

using Json = nlohmann::json;
constexpr std::size_t kRows = 64, kBatch = 24;  // where a network says nothing else
constexpr double kTolerance = 1e-6;
constexpr double kNoise = 1e-12;  // gradients that are 0 but for rounding: biases that feed a batch norm

Json read_networks(const std::string& name) {
  std::ifstream file(fmt::format("{}/tests/golden/torch_{}.json", LATHE_SOURCE_DIR, name));
  EXPECT_TRUE(file) << name;
  return Json::parse(file);
}

std::string format_text(const Json& form) {
  return fmt::format("integer(width={}, frac_width={}, signed={})", form["width"].get<int>(),
                     form["frac_width"].get<int>(), form["signed"].get<bool>() ? 1 : 0);
}

ir::AttributeValue attribute_value(const Json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_number()) return value.get<double>();
  if (value.is_array()) return value.get<Shape>();
  return value.get<std::string>();
}

std::size_t rows_of(const Json& network) { return network.value("rows", kRows); }

Layer layer_of(const Json& described) {
  Layer layer{.op = described["op"].get<std::string>()};
  if (layer.op == "quantize") return quantize(format_text(described["format"]));
  for (const auto& [key, value] : described.items())
    if (key == "inputs")
      layer.inputs = value.get<std::vector<std::size_t>>();
    else if (key != "op" && key != "weight_format")
      layer.attributes.push_back({key, attribute_value(value)});
  return layer;
}

ir::Graph graph_of(const Json& network) {
  std::vector<Layer> layers;
  for (const Json& layer : network["layers"]) layers.push_back(layer_of(layer));
  const Shape features = {static_cast<std::int64_t>(network["features"].size() / rows_of(network))};
  ir::Graph graph = chain(network.value("shape", features), layers);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Json& described = network["layers"][i];
    if (!described.contains("weight_format")) continue;
    for (ir::Parameter& parameter : graph.nodes[i + 1].parameters)
      parameter.format = quant::parse_format(format_text(described["weight_format"]));
  }
  return graph;
}

engine::State state_of(const ir::Graph& graph, const Json& tensors) {
  engine::State state = engine::zero_state(graph);
  EXPECT_EQ(state.size(), tensors.size());
  for (engine::NamedTensor& tensor : state) tensor.values = tensors.at(tensor.name).get<std::vector<float>>();
  return state;
}

data::Samples samples_of(const Json& network) {
  data::Samples samples;
  samples.features = network["features"].get<std::vector<float>>();
  samples.width = static_cast<std::int64_t>(samples.features.size() / rows_of(network));
  samples.shape = network.value("shape", Shape());
  samples.positions = network.value("positions", std::int64_t{1});
  if (network.contains("labels")) samples.labels = network["labels"].get<std::vector<std::int32_t>>();
  if (network.contains("targets")) samples.targets = network["targets"].get<std::vector<float>>();
  samples.outputs = static_cast<std::int64_t>(samples.targets.size() / rows_of(network));
  return samples;
}

engine::OptimizerSettings optimizer_of(const Json& described) {
  const std::string kind = described["kind"];
  return {.name = kind,
          .weight_decay = described["weight_decay"],
          .momentum = described.value("momentum", 0.0),
          .nesterov = described.value("nesterov", false),
          .l1 = described.value("l1", 0.0),
          .l2 = described.value("l2", 0.0)};
}

engine::LossSettings loss_of(const Json& network) {
  if (!network.contains("loss")) return {};
  const Json& described = network["loss"];
  return {.name = described["name"],
          .label_smoothing = described.value("label_smoothing", 0.0),
          .class_weights = described.value("class_weights", std::vector<double>()),
          .delta = described.value("huber_delta", 1.0)};
}

void expect_near(const engine::State& state, const Json& expected, const std::string& what) {
  std::size_t compared = 0;
  for (const engine::NamedTensor& tensor : state) {
    if (!expected.contains(tensor.name)) continue;
    ++compared;
    const auto truth = expected[tensor.name].get<std::vector<double>>();
    double largest = 0;
    for (const double value : truth) largest = std::max(largest, std::fabs(value));
    for (std::size_t i = 0; i < truth.size(); ++i)
      ASSERT_NEAR(tensor.values[i], truth[i], kTolerance * largest + kNoise) << what << " " << tensor.name;
  }
  EXPECT_EQ(compared, expected.size()) << what;
}

std::vector<std::uint32_t> rows_of_step(const Json& network, std::size_t step) {
  std::vector<std::uint32_t> rows;
  for (std::size_t i = 0; i < network.value("batch", kBatch); ++i)
    rows.push_back(static_cast<std::uint32_t>((5 * i + 11 * step) % rows_of(network)));
  return rows;
}

void compare_run(const ir::Graph& graph, const Json& network, const Json& run) {
  const std::string what = fmt::format("{}, {}:", network["name"].get<std::string>(), run["name"].get<std::string>());
  const data::Samples samples = samples_of(network);
  const engine::LossSettings loss = loss_of(network);
  auto session = training_session(graph, state_of(graph, network["initial"]), kBatch, loss);
  session->set_optimizer(optimizer_of(run["optimizer"]));
  for (std::size_t step = 0; step < run["losses"].size(); ++step) {
    const std::vector<std::uint32_t> rows = rows_of_step(network, step);
    const double weight = engine::loss_weight(loss, samples, rows);
    const auto result = session->accumulate(samples, rows, 1.0 / weight, 0);
    const double expected = run["losses"][step];
    EXPECT_NEAR(result.loss_sum / weight, expected, kTolerance * expected) << what << " loss of step " << step;
    if (step == 0) expect_near(session->gradients(), network["gradients"], what + " gradient");
    session->update(run["optimizer"]["lr"]);
  }
  expect_near(session->state(), run["final"], what + " final");
  const double evaluated = run["evaluation_loss"];
  EXPECT_NEAR(session->evaluate(samples, 0, samples.rows()).loss(), evaluated, kTolerance * evaluated) << what;
}

void compare_networks(const std::string& name) {
  for (const Json& network : read_networks(name)) {
    const ir::Graph graph = graph_of(network);
    for (const Json& run : network["runs"]) compare_run(graph, network, run);
  }
}

TEST(TorchVectors, JetNetworks) { compare_networks("jsc"); }
TEST(TorchVectors, Activations) { compare_networks("activations"); }
TEST(TorchVectors, ImagesSequencesAndTexts) { compare_networks("convolutions"); }
TEST(TorchVectors, LossesAndPenalties) { compare_networks("losses"); }
TEST(TorchVectors, FurtherOptimizers) { compare_networks("optimizers"); }
TEST(TorchVectors, Quantised) { compare_networks("quantised"); }

}  // namespace
}  // namespace lathe::backend
