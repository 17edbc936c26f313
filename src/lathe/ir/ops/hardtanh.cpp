#include <fmt/format.h>

#include "lathe/base/error.h"
#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {

OpDeclaration hardtanh() {
  OpDeclaration op = elementwise("hardtanh", "Hardtanh", "min(max(x, min_val), max_val)", 1);
  op.attributes = {{"min_val", -1.0, false, "lowest output"}, {"max_val", 1.0, false, "highest output, above min_val"}};
  op.quantizable = true;
  op.output_shape = [](const Node& node, std::span<const Shape> inputs) {
    if (!(node.number("min_val") < node.number("max_val")))
      throw UserError(
          fmt::format("min_val must be below max_val; got {} and {}", node.number("min_val"), node.number("max_val")));
    return inputs[0];
  };
  op.module_text = [](const Node& node) {
    return fmt::format("Hardtanh(min_val={}, max_val={})", python_number(node.number("min_val")),
                       python_number(node.number("max_val")));
  };
  return op;
}

}  // namespace lathe::ir::ops
