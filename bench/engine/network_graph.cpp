#include "engine/network_graph.h"

#include "lathe/ir/passes/quantize.h"

namespace bench {
namespace {

using lathe::quant::GivenOption;

std::vector<GivenOption> integer(std::int64_t bits) { return {{"width", bits}, {"frac_width", bits / 2}}; }

lathe::ir::Graph quantized(const lathe::ir::Graph& graph, const Network& network) {
  lathe::ir::QuantizeSettings settings;
  for (const lathe::ir::Node& node : graph.nodes) {
    if (node.op != "linear") continue;
    settings.nodes.push_back({node.name,
                              {.data_in = integer(network.activation_bits),
                               .weight = integer(network.weight_bits),
                               .bias = integer(network.weight_bits)}});
  }
  return lathe::ir::quantize(graph, settings);
}

}  // namespace

lathe::ir::Graph make_graph(const Network& network) {
  lathe::ir::GraphBuilder builder("bench", {network.widths.front()});
  int index = 0;
  const auto add = [&](const char* op, std::vector<lathe::ir::Attribute> attributes = {}) {
    builder.add(op, "seq_blocks." + std::to_string(index++), std::move(attributes));
  };
  if (network.input_batch_norm) {
    add("batch_norm1d", {{"num_features", network.widths.front()}});
    add("relu");
  }
  for (std::size_t i = 0; i + 1 < network.widths.size(); ++i) {
    add("linear", {{"in_features", network.widths[i]}, {"out_features", network.widths[i + 1]}});
    if (i + 2 < network.widths.size() || network.relu_on_logits) add("relu");
  }
  lathe::ir::Graph graph = std::move(builder).finish();
  return network.quantized() ? quantized(graph, network) : graph;
}

}  // namespace bench
