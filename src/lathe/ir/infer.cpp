#include "lathe/base/error.h"
#include "lathe/ir/make_node.h"
#include "lathe/ir/size_limits.h"

namespace lathe::ir {
namespace {

std::optional<quant::Format> format_of(const std::vector<Parameter>& parameters, const std::string& name) {
  for (const Parameter& parameter : parameters)
    if (parameter.name == name) return parameter.format;
  return std::nullopt;
}

std::vector<Parameter> derived_parameters(const Node& node, const std::vector<Shape>& inputs) {
  std::vector<Parameter> parameters = op_of(node).parameters(node, inputs);
  for (Parameter& parameter : parameters)
    if (auto format = format_of(node.parameters, parameter.name)) parameter.set_format(std::move(*format));
  return parameters;
}

}  // namespace

void infer_node(const Graph& graph, Node& node) {
  const std::vector<Shape> inputs = input_shapes(graph, node);
  try {
    check_attribute_sizes(node);
    node.output_shape = op_of(node).output_shape(node, inputs);
    node.parameters = derived_parameters(node, inputs);
    check_tensor_sizes(node);
  } catch (const UserError& error) {
    throw UserError("node " + node.name, error.what());
  }
}

void infer(Graph& graph) {
  for (Node& node : graph.nodes) infer_node(graph, node);
}

}  // namespace lathe::ir
