#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/ir/op.h"

namespace lathe::ir {
namespace {

std::optional<quant::Format> format_of(const std::vector<Parameter>& parameters, const std::string& name) {
  for (const Parameter& parameter : parameters)
    if (parameter.name == name) return parameter.format;
  return std::nullopt;
}

void infer_node(const Graph& graph, Node& node) {
  const OpDeclaration& op = op_of(node);
  const std::vector<Shape> inputs = input_shapes(graph, node);
  node.output_shape = op.output_shape(node, inputs);
  std::vector<Parameter> parameters = op.parameters(node, inputs);
  for (Parameter& parameter : parameters) parameter.format = format_of(node.parameters, parameter.name);
  node.parameters = std::move(parameters);
}

}  // namespace

void infer(Graph& graph) {
  for (Node& node : graph.nodes) {
    try {
      infer_node(graph, node);
    } catch (const UserError& error) {
      throw UserError("node " + node.name, error.what());
    }
  }
}

}  // namespace lathe::ir
