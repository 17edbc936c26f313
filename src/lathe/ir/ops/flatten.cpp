#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {

OpDeclaration flatten() {
  OpDeclaration op = elementwise("flatten", "Flatten", "all per-sample dimensions as one, row-major", 0);
  op.output_shape = [](const Node&, std::span<const Shape> inputs) { return Shape{element_count(inputs[0])}; };
  op.module_text = [](const Node&) { return std::string("Flatten(start_dim=1, end_dim=-1)"); };
  return op;
}

}  // namespace lathe::ir::ops
