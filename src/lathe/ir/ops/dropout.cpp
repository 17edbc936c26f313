#include <fmt/format.h>

#include "lathe/base/error.h"
#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {

OpDeclaration dropout() {
  OpDeclaration op =
      elementwise("dropout", "Dropout", "zeroes values with probability p in training, scales the others", 0);
  op.attributes = {{"p", 0.5, false, "probability of zeroing a value"}};
  op.output_shape = [](const Node& node, std::span<const Shape> inputs) {
    const double p = node.number("p");
    if (!(p >= 0 && p < 1)) throw UserError(fmt::format("p must be in [0, 1); got {}", p));
    return inputs[0];
  };
  op.module_text = [](const Node& node) {
    return fmt::format("Dropout(p={}, inplace=False)", python_number(node.number("p")));
  };
  return op;
}

}  // namespace lathe::ir::ops
