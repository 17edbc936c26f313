#include "lathe/space/summary.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/ir/analysis/channels.h"
#include "lathe/ir/analysis/value_formats.h"
#include "lathe/model/request.h"

namespace lathe::space {
namespace {

std::optional<double> bits_of(const ir::ValueFormat* value) {
  return value != nullptr && value->quantised() ? std::optional(value->bits) : std::nullopt;
}

std::string bits_text(const LayerSummary& layer) {
  std::string text;
  if (layer.weight_bits) text += fmt::format("w{:.4g}", *layer.weight_bits);
  if (layer.data_bits) text += fmt::format("a{:.4g}", *layer.data_bits);
  return text.empty() ? "float" : text;
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

std::vector<LayerSummary> layer_summaries(const ir::Graph& graph) {
  std::vector<LayerSummary> layers;
  const std::vector<ir::NodeFormats> formats = ir::value_formats(graph);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const ir::Node& node = graph.nodes[i];
    if (!ir::sets_width(node)) continue;
    layers.push_back({.node = node.name,
                      .width = ir::width_of(graph, i),
                      .weight_bits = bits_of(formats[i].find(node, ir::Operand::kWeight)),
                      .data_bits = bits_of(formats[i].find(node, ir::Operand::kDataIn))});
  }
  return layers;
}

std::string width_summary(const ir::Graph& graph) {
  std::string text = model::size_text(graph.input().output_shape);
  for (const LayerSummary& layer : layer_summaries(graph)) text += fmt::format("-{}", layer.width);
  return text;
}

std::string bits_summary(const ir::Graph& graph) {
  std::vector<std::string> parts;
  bool quantised = false;
  for (const LayerSummary& layer : layer_summaries(graph)) {
    quantised = quantised || layer.weight_bits || layer.data_bits;
    parts.push_back(bits_text(layer));
  }
  return quantised ? join_equal(parts) : std::string();
}

}  // namespace lathe::space
