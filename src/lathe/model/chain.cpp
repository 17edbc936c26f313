#include "lathe/model/chain.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/ir/analysis/channels.h"
#include "lathe/ir/analysis/readers.h"
#include "lathe/ir/op.h"

namespace lathe::model {
namespace {

bool has(const std::vector<ir::Attribute>& attributes, const std::string& name) {
  return std::any_of(attributes.begin(), attributes.end(), [&](const ir::Attribute& a) { return a.name == name; });
}

bool declares(const ir::OpDeclaration& op, const std::string& name) {
  return std::any_of(op.attributes.begin(), op.attributes.end(), [&](const auto& a) { return a.name == name; });
}

/// Adds what the layer does not state: the input width, and what only the data says.
std::vector<ir::Attribute> completed(const Layer& layer, const ir::OpDeclaration& op, const Shape& read,
                                     const ModelRequest& request) {
  std::vector<ir::Attribute> attributes = layer.attributes;
  const auto complete = [&](const std::string& name, std::int64_t value) {
    if (declares(op, name) && !has(attributes, name)) attributes.push_back({name, value});
  };
  if (!op.input_width_attribute.empty()) complete(op.input_width_attribute, ir::width_read(op, read));
  if (request.vocabulary > 0) complete("num_embeddings", request.vocabulary);
  complete("positions", read.front());
  return attributes;
}

/// Tells whether the values of a node have their channels in front of other dimensions.
bool channels_first(const ir::Graph& graph, std::size_t index) {
  const ir::Node* node = &graph.nodes[index];
  const std::size_t dimensions = node->output_shape.size();
  if (dimensions < 2) return false;
  while (ir::op_of(*node).channel_axis == ir::ChannelAxis::kAsInput && !node->inputs.empty() &&
         ir::op_of(*node).channel_rule != ir::ChannelRule::kBlocks)
    node = &graph.nodes[node->inputs.front()];
  return ir::op_of(*node).channel_axis == ir::ChannelAxis::kFirst || (node->inputs.empty() && dimensions == 3);
}

void check_all_read(const ir::Graph& graph, const std::vector<std::string>& paths) {
  const std::vector<bool> read = ir::read_nodes(graph);
  for (std::size_t i = 0; i + 1 < graph.nodes.size(); ++i)
    if (!read[i])
      throw UserError(fmt::format("no layer reads {}: it would change nothing; the last layer is the network's output",
                                  i == 0 ? "the network's input x" : paths[i]));
}

}  // namespace

LayerBuilder::LayerBuilder(const std::string& name, const ModelRequest& request)
    : builder_(name, request.input_shape), request_(request), paths_{"x"} {}

std::size_t LayerBuilder::index_of(const Layer& layer, const std::string& input) const {
  const auto path = std::find(paths_.rbegin(), paths_.rend(), input);
  if (path != paths_.rend()) return static_cast<std::size_t>(paths_.rend() - path) - 1;
  if (const auto node = builder_.graph().find(input)) return *node;
  throw UserError(
      fmt::format("{}: there is no layer \"{}\" before it{}", layer.module_path, input, suggestion(input, paths_)));
}

void LayerBuilder::add(const Layer& layer) {
  std::vector<std::size_t> inputs;
  for (const std::string& input : layer.inputs) inputs.push_back(index_of(layer, input));
  const ir::OpDeclaration* op = ir::find_op(layer.op);
  const ir::Graph& graph = builder_.graph();
  const std::size_t read = inputs.empty() ? graph.nodes.size() - 1 : inputs.front();
  const Shape& shape = graph.nodes[read].output_shape;
  if (op != nullptr && op->channel_axis == ir::ChannelAxis::kLast && channels_first(graph, read))
    throw UserError(fmt::format("{}: {} reads features, and {} gives {}: put a flatten between them",
                                layer.module_path.empty() ? layer.node_name : layer.module_path, layer.op, paths_[read],
                                to_string(shape)));
  const bool function = op != nullptr && !op->function.empty();
  builder_.add(layer.op, function ? "" : layer.module_path,
               op == nullptr ? layer.attributes : completed(layer, *op, shape, request_), std::move(inputs),
               ir::fx_name(layer.node_name));
  paths_.push_back(layer.module_path.empty() ? graph.nodes.back().name : layer.module_path);
}

ir::Graph LayerBuilder::finish() && {
  check_all_read(builder_.graph(), paths_);
  return std::move(builder_).finish();
}

ir::Graph build_chain(const std::string& name, const ModelRequest& request, const std::vector<Layer>& layers) {
  LayerBuilder builder(name, request);
  for (const Layer& layer : layers) builder.add(layer);
  return std::move(builder).finish();
}

}  // namespace lathe::model
