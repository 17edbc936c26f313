#include <fmt/format.h>

#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {

OpDeclaration leaky_relu() {
  OpDeclaration op = elementwise("leaky_relu", "LeakyReLU", "x for x > 0, else negative_slope * x", 1);
  op.attributes = {{"negative_slope", 0.01, false, "slope below zero"}};
  op.quantizable = true;
  op.module_text = [](const Node& node) {
    return fmt::format("LeakyReLU(negative_slope={})", python_number(node.number("negative_slope")));
  };
  return op;
}

}  // namespace lathe::ir::ops
