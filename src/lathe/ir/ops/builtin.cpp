#include <algorithm>

#include "lathe/base/check.h"
#include "lathe/ir/op.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir {

const Registry<OpDeclaration>& op_declarations() {
  static const Registry<OpDeclaration> registry("op", {
                                                          ops::input(),
                                                          ops::output(),
                                                          ops::linear(),
                                                          ops::conv1d(),
                                                          ops::conv2d(),
                                                          ops::batch_norm1d(),
                                                          ops::batch_norm2d(),
                                                          ops::layer_norm(),
                                                          ops::relu(),
                                                          ops::leaky_relu(),
                                                          ops::tanh(),
                                                          ops::sigmoid(),
                                                          ops::gelu(),
                                                          ops::relu6(),
                                                          ops::silu(),
                                                          ops::hardswish(),
                                                          ops::hardsigmoid(),
                                                          ops::hardtanh(),
                                                          ops::elu(),
                                                          ops::selu(),
                                                          ops::softplus(),
                                                          ops::dropout(),
                                                          ops::max_pool1d(),
                                                          ops::max_pool2d(),
                                                          ops::avg_pool1d(),
                                                          ops::avg_pool2d(),
                                                          ops::adaptive_avg_pool1d(),
                                                          ops::adaptive_avg_pool2d(),
                                                          ops::upsample(),
                                                          ops::flatten(),
                                                          ops::reshape(),
                                                          ops::permute(),
                                                          ops::identity(),
                                                          ops::add(),
                                                          ops::mul(),
                                                          ops::concat(),
                                                          ops::mean(),
                                                          ops::matmul(),
                                                          ops::softmax(),
                                                          ops::embedding(),
                                                          ops::position_embedding(),
                                                          ops::attention(),
                                                          ops::quantize(),
                                                      });
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
