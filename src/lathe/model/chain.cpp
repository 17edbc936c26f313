#include "lathe/model/chain.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/ir/op.h"

namespace lathe::model {
namespace {

bool has(const std::vector<ir::Attribute>& attributes, const std::string& name) {
  return std::any_of(attributes.begin(), attributes.end(), [&](const ir::Attribute& a) { return a.name == name; });
}

/// Adds the input width where the op has one and the layer does not state it.
std::vector<ir::Attribute> completed(const Layer& layer, const ir::OpDeclaration* op, const ir::Node& read) {
  std::vector<ir::Attribute> attributes = layer.attributes;
  if (op != nullptr && !op->input_width_attribute.empty() && !has(attributes, op->input_width_attribute))
    attributes.push_back({op->input_width_attribute, read.output_shape.front()});
  return attributes;
}

void check_all_read(const ir::Graph& graph, const std::vector<std::string>& paths) {
  for (std::size_t i = 0; i + 1 < graph.nodes.size(); ++i)
    if (graph.users(i).empty())
      throw UserError(fmt::format("no layer reads {}: it would change nothing; the last layer is the network's output",
                                  i == 0 ? "the network's input x" : paths[i]));
}

}  // namespace

LayerBuilder::LayerBuilder(const std::string& name, std::int64_t input_width)
    : builder_(name, {input_width}), paths_{"x"} {}

std::size_t LayerBuilder::index_of(const Layer& layer, const std::string& input) const {
  const auto path = std::find(paths_.begin(), paths_.end(), input);
  if (path != paths_.end()) return static_cast<std::size_t>(path - paths_.begin());
  if (const auto node = builder_.graph().find(input)) return *node;
  throw UserError(
      fmt::format("{}: there is no layer \"{}\" before it{}", layer.module_path, input, suggestion(input, paths_)));
}

void LayerBuilder::add(const Layer& layer) {
  std::vector<std::size_t> inputs;
  for (const std::string& input : layer.inputs) inputs.push_back(index_of(layer, input));
  const ir::OpDeclaration* op = ir::find_op(layer.op);
  const ir::Graph& graph = builder_.graph();
  const ir::Node& read = graph.nodes[inputs.empty() ? graph.nodes.size() - 1 : inputs.front()];
  const bool function = op != nullptr && !op->function.empty();
  builder_.add(layer.op, function ? "" : layer.module_path, completed(layer, op, read), std::move(inputs),
               function ? ir::fx_name(layer.node_name) : "");
  paths_.push_back(layer.module_path);
}

ir::Graph LayerBuilder::finish() && {
  check_all_read(builder_.graph(), paths_);
  return std::move(builder_).finish();
}

ir::Graph build_chain(const std::string& name, std::int64_t input_width, const std::vector<Layer>& layers) {
  LayerBuilder builder(name, input_width);
  for (const Layer& layer : layers) builder.add(layer);
  return std::move(builder).finish();
}

}  // namespace lathe::model
