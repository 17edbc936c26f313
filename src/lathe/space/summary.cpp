#include "lathe/space/summary.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/ir/op.h"
#include "lathe/quant/format.h"

namespace lathe::space {
namespace {

bool makes_channels(const ir::Node& node) { return ir::op_of(node).channel_rule == ir::ChannelRule::kProduces; }

std::string bits_text(const quant::Format& format) {
  return fmt::format("{:.4g}", quant::make_quantizer(format)->bits_per_value());
}

std::string weight_bits(const ir::Node& node) {
  for (const ir::Parameter& parameter : node.parameters) {
    if (parameter.name == "weight" && parameter.format) return fmt::format("w{}", bits_text(*parameter.format));
  }
  return {};
}

std::string activation_bits(const ir::Graph& graph, const ir::Node& node) {
  const ir::Node& producer = graph.nodes[node.inputs.front()];
  if (producer.op != "quantize") return {};
  return fmt::format("a{}", bits_text(quant::parse_format(producer.string("format"))));
}

std::string join_equal(const std::vector<std::string>& parts) {
  std::string text;
  for (std::size_t first = 0; first < parts.size();) {
    std::size_t last = first;
    while (last < parts.size() && parts[last] == parts[first]) ++last;
    if (!text.empty()) text += ' ';
    if (last - first > 1) text += fmt::format("{} x ", last - first);
    text += parts[first];
    first = last;
  }
  return text;
}

}  // namespace

std::string width_summary(const ir::Graph& graph) {
  std::string text = fmt::format("{}", graph.input().output_shape.front());
  for (const ir::Node& node : graph.nodes) {
    if (makes_channels(node)) text += fmt::format("-{}", node.output_shape.front());
  }
  return text;
}

std::string bits_summary(const ir::Graph& graph) {
  std::vector<std::string> parts;
  bool quantised = false;
  for (const ir::Node& node : graph.nodes) {
    if (!makes_channels(node)) continue;
    const std::string bits = weight_bits(node) + activation_bits(graph, node);
    quantised = quantised || !bits.empty();
    parts.push_back(bits.empty() ? "float" : bits);
  }
  return quantised ? join_equal(parts) : std::string();
}

}  // namespace lathe::space
