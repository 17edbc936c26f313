#include "lathe/backend/torch/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "lathe/backend/torch/kernel.h"
#include "lathe/quant/integer.h"
#include "lathe/quant/quantizer.h"

namespace lathe::backend::libtorch {
namespace {

using Names = std::unordered_set<std::string_view>;

std::optional<std::string> find_refusal(const ir::Graph& graph, const ir::Node& node) {
  if (find_kernel(node.op) == nullptr) return fmt::format("node {}: op {} has no torch kernel", node.name, node.op);
  if (node.op == "embedding" && &graph.nodes[node.inputs[0]] != &graph.input())
    return fmt::format(
        "node {}: op embedding must read the network's input, whose tokens are checked before they "
        "reach the device",
        node.name);
  return std::nullopt;
}

// Ops whose value is another view of what they read.
const Names& views() {
  static const Names kNames = {"flatten", "reshape", "permute", "identity", "output"};
  return kNames;
}

// Ops whose backward pass reads nothing of what they read.
bool forgets_input(std::string_view op) {
  static const Names kNames = {"add",
                               "concat",
                               "mean",
                               "avg_pool1d",
                               "avg_pool2d",
                               "upsample",
                               "quantize",
                               "relu",
                               "tanh",
                               "sigmoid",
                               "softmax",
                               "adaptive_avg_pool1d",
                               "adaptive_avg_pool2d",
                               "position_embedding"};
  return kNames.contains(op) || views().contains(op);
}

// Tells whether a quantiser's backward pass reads its input.
bool has_slope(const ir::Node& node) {
  return node.op == "quantize" && quant::make_quantizer(node.format("format"))->changes_gradients();
}

// Ops whose backward pass reads their own value.
bool keeps_output(std::string_view op) {
  static const Names kNames = {"relu", "tanh", "sigmoid", "softmax", "attention"};
  return kNames.contains(op);
}

// The values that a training pass keeps, by the node that computes them.
std::vector<bool> kept_values(const ir::Graph& graph) {
  std::vector<bool> kept(graph.nodes.size());
  for (std::size_t i = graph.nodes.size(); i-- > 1;) {
    const ir::Node& node = graph.nodes[i];
    if (keeps_output(node.op)) kept[i] = true;
    const bool keeps_inputs = views().contains(node.op) ? kept[i] : !forgets_input(node.op) || has_slope(node);
    for (const std::size_t input : node.inputs) kept[input] = kept[input] || keeps_inputs;
    if (views().contains(node.op)) kept[i] = false;  // counted where it was computed
  }
  kept[0] = true;
  return kept;
}

// What a node keeps for its backward pass beside values of the graph, in bytes a row.
std::int64_t extra_bytes(const ir::Node& node, std::int64_t value_bytes) {
  const std::int64_t values = element_count(node.output_shape);
  if (node.op.starts_with("max_pool")) return values * static_cast<std::int64_t>(sizeof(std::int64_t));
  if (node.op == "dropout") return values * (1 + value_bytes);
  if (node.op != "attention") return 0;
  const std::int64_t tokens = node.output_shape[0];
  return node.integer("num_heads") * tokens * tokens * (static_cast<std::int64_t>(sizeof(float)) + value_bytes);
}

std::int64_t parameter_bytes(const ir::Graph& graph, const engine::SessionSettings& settings) {
  std::int64_t bytes = 0;
  for (const ir::Node& node : graph.nodes) {
    for (const ir::Parameter& parameter : node.parameters) {
      std::int64_t copies = settings.training && parameter.trainable ? 4 : 1;  // value, gradient, two moments
      if (parameter.format || settings.precision != engine::Precision::kFloat32) ++copies;
      bytes += element_count(parameter.shape) * copies * static_cast<std::int64_t>(sizeof(float));
    }
  }
  return bytes;
}

// What formulas of number formats keep until they end, in bytes: each step a tensor, of the largest tensor that one
// acts on at a time.
std::int64_t formula_bytes(const ir::Graph& graph, std::int64_t batch) {
  std::int64_t most = 0;
  const auto count = [&most](const quant::Format& format, std::int64_t elements) {
    if (quant::integer_scale(format)) return;
    const auto steps = static_cast<std::int64_t>(quant::make_quantizer(format)->arithmetic().value.steps().size());
    most = std::max(most, steps * elements * static_cast<std::int64_t>(sizeof(float)));
  };
  for (const ir::Node& node : graph.nodes) {
    if (node.op == "quantize") count(node.format("format"), element_count(node.output_shape) * batch);
    for (const ir::Parameter& parameter : node.parameters)
      if (parameter.format) count(*parameter.format, element_count(parameter.shape));
  }
  return most;
}

}  // namespace

std::optional<std::string> find_refusal(const ir::Graph& graph) {
  for (std::size_t i = 1; i < graph.nodes.size(); ++i)
    if (auto reason = find_refusal(graph, graph.nodes[i])) return reason;
  if (graph.output().output_shape.size() > 2)
    return fmt::format("node {}: the network must end in [classes] or [tokens, vocabulary]; it ends in {}",
                       graph.output().name, to_string(graph.output().output_shape));
  return std::nullopt;
}

std::int64_t session_bytes(const ir::Graph& graph, const engine::SessionSettings& settings) {
  const std::int64_t value_bytes = settings.precision == engine::Precision::kFloat32 ? 4 : 2;
  const std::vector<bool> kept = kept_values(graph);
  std::int64_t row_bytes = 0;
  std::vector<std::int64_t> sizes;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const ir::Node& node = graph.nodes[i];
    sizes.push_back(element_count(node.output_shape) * value_bytes);
    if (settings.training) row_bytes += (kept[i] ? sizes.back() : 0) + extra_bytes(node, value_bytes);
  }
  std::partial_sort(sizes.begin(), sizes.begin() + std::min<std::ptrdiff_t>(2, std::ssize(sizes)), sizes.end(),
                    std::greater<>());
  for (std::size_t i = 0; i < std::min<std::size_t>(2, sizes.size()); ++i) row_bytes += sizes[i];
  const std::int64_t batch = std::max<std::int64_t>(settings.batch_size, 1);
  return parameter_bytes(graph, settings) + row_bytes * batch + formula_bytes(graph, batch);
}

}  // namespace lathe::backend::libtorch
