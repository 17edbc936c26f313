#include <algorithm>
#include <set>

#include "lathe/base/check.h"
#include "lathe/ir/op.h"
#include "lathe/ir/size_limits.h"

namespace lathe::ir {
namespace {

void check_ends(const Graph& graph) {
  LATHE_CHECK(graph.nodes.size() >= 2, "graph {} has {} nodes", graph.name, graph.nodes.size());
  LATHE_CHECK(graph.input().op == "input" && graph.input().name == "x", "the first node is {}", graph.input().name);
  LATHE_CHECK(graph.output().op == "output" && graph.output().name == "output", "the last node is {}",
              graph.output().name);
}

void check_links(const Graph& graph, std::size_t index, const OpDeclaration& op) {
  const Node& node = graph.nodes[index];
  LATHE_CHECK(op.accepts(node.inputs.size()), "node {} has {} inputs", node.name, node.inputs.size());
  for (const std::size_t input : node.inputs)
    LATHE_CHECK(input < index, "node {} reads node {}, which stands behind it", node.name, input);
  LATHE_CHECK((node.op == "input") == (index == 0), "node {} is a second input", node.name);
  LATHE_CHECK((node.op == "output") == (index + 1 == graph.nodes.size()), "node {} is a second output", node.name);
}

void check_attributes(const Node& node, const OpDeclaration& op) {
  LATHE_CHECK(node.attributes.size() == op.attributes.size(), "node {} has {} attributes", node.name,
              node.attributes.size());
  for (std::size_t i = 0; i < op.attributes.size(); ++i) {
    LATHE_CHECK(node.attributes[i].name == op.attributes[i].name, "node {}: attribute {} in the place of {}", node.name,
                node.attributes[i].name, op.attributes[i].name);
    LATHE_CHECK(node.attributes[i].value.index() == op.attributes[i].default_value.index(),
                "node {}: attribute {} has another type", node.name, node.attributes[i].name);
  }
}

/// Lists the tensors without their formats.
std::vector<Parameter> without_formats(std::vector<Parameter> parameters) {
  for (Parameter& parameter : parameters) parameter.format.reset();
  return parameters;
}

void check_inferred(const Graph& graph, const Node& node, const OpDeclaration& op) {
  const std::vector<Shape> inputs = input_shapes(graph, node);
  Shape shape;
  try {
    shape = op.output_shape(node, inputs);
  } catch (const UserError& error) {
    throw InternalError(fmt::format("node {}: {}", node.name, error.what()));
  }
  LATHE_CHECK(shape == node.output_shape, "node {} says {} and computes {}", node.name, to_string(node.output_shape),
              to_string(shape));
  LATHE_CHECK(without_formats(node.parameters) == op.parameters(node, inputs),
              "node {}: parameters do not fit its attributes", node.name);
  for (const Parameter& parameter : node.parameters)
    LATHE_CHECK(parameter.trainable || !parameter.format, "node {}: {} is a buffer and has a format", node.name,
                parameter.name);
}

}  // namespace

void verify(const Graph& graph) {
  check_ends(graph);
  check_total_size(graph);
  std::set<std::string> names;
  std::set<std::string> paths;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    LATHE_CHECK(names.insert(node.name).second, "two nodes have the name {}", node.name);
    LATHE_CHECK(node.module_path.empty() || node.parameters.empty() || paths.insert(node.module_path).second,
                "two nodes have the module path {}", node.module_path);
    const OpDeclaration* op = find_op(node.op);
    LATHE_CHECK(op != nullptr, "node {}: unknown op {}", node.name, node.op);
    check_links(graph, i, *op);
    check_attributes(node, *op);
    check_inferred(graph, node, *op);
  }
}

}  // namespace lathe::ir
