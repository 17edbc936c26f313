#include "lathe/model/lint.h"

#include <fmt/format.h>

#include "lathe/ir/op.h"
#include "lathe/model/zoo.h"

namespace lathe::model {
namespace {

/// Walks from the output to the node that computes the logits, past nodes that only copy or round.
const ir::Node& last_computing_node(const ir::Graph& graph) {
  std::size_t index = graph.output().inputs.front();
  while (index > 0) {
    const ir::Node& node = graph.nodes[index];
    const bool copies = node.inputs.size() == 1 && ir::op_of(node).cost(node, ir::input_shapes(graph, node)).flops == 0;
    if (!copies) break;
    index = node.inputs.front();
  }
  return graph.nodes[index];
}

}  // namespace

std::optional<std::string> activation_on_logits(const ir::Graph& graph) {
  const ir::Node& node = last_computing_node(graph);
  if (node.op == "softmax" || node.op == "sigmoid")
    return fmt::format(
        "{} ends in a {} ({}): the loss takes logits and has a softmax of its own, so this one is a second; leave it "
        "out",
        graph.name, node.op, node.name);
  if (node.op != "relu") return std::nullopt;
  const std::string without = graph.name + "-logits";
  return fmt::format(
      "{} has a ReLU on its logits ({}): classes die in training and accuracy is capped{}", graph.name, node.name,
      find_model(without) == nullptr ? std::string() : fmt::format("; {} is the same network without it", without));
}

}  // namespace lathe::model
