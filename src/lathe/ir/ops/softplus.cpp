#include <fmt/format.h>

#include "lathe/base/error.h"
#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {

OpDeclaration softplus() {
  OpDeclaration op =
      elementwise("softplus", "Softplus", "log(1 + exp(beta * x)) / beta, x itself where beta * x > threshold", 1);
  op.attributes = {{"beta", 1.0, false, "steepness, above 0"},
                   {"threshold", 20.0, false, "from which on the output is x"}};
  op.quantizable = true;
  op.output_shape = [](const Node& node, std::span<const Shape> inputs) {
    if (!(node.number("beta") > 0)) throw UserError(fmt::format("beta must be above 0; got {}", node.number("beta")));
    return inputs[0];
  };
  op.module_text = [](const Node& node) {
    return fmt::format("Softplus(beta={}, threshold={})", python_number(node.number("beta")),
                       python_number(node.number("threshold")));
  };
  return op;
}

}  // namespace lathe::ir::ops
