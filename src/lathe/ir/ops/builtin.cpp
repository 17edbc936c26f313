#include <algorithm>

#include "lathe/base/check.h"
#include "lathe/ir/op.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir {

namespace {

std::vector<OpDeclaration> listed() {
  std::vector<OpDeclaration> all;
  for (OpDeclaration& op : std::vector<OpDeclaration>{
#define ENTRY(declare) ops::declare(),
#include "lathe/ir/ops/builtin.def"
#undef ENTRY
       }) {
    const bool activations_follow = op.name == "layer_norm";
    all.push_back(std::move(op));
    if (!activations_follow) continue;
    for (const Activation& activation : activations()) all.push_back(ops::activation(activation));
  }
  return all;
}

}  // namespace

const Registry<OpDeclaration>& op_declarations() {
  static const Registry<OpDeclaration> registry("op", listed());
  return registry;
}

const OpDeclaration* find_op(std::string_view name) { return op_declarations().find(name); }

const OpDeclaration& op_of(const Node& node) {
  const OpDeclaration* op = find_op(node.op);
  LATHE_CHECK(op != nullptr, "node {}: unknown op {}", node.name, node.op);
  return *op;
}

std::vector<Shape> input_shapes(const Graph& graph, const Node& node) {
  std::vector<Shape> shapes;
  for (const std::size_t input : node.inputs) shapes.push_back(graph.nodes.at(input).output_shape);
  return shapes;
}

}  // namespace lathe::ir
