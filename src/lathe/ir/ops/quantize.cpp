#include "lathe/base/error.h"
#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"
#include "lathe/quant/format.h"

namespace lathe::ir::ops {

OpDeclaration quantize() {
  OpDeclaration op =
      elementwise("quantize", "", "rounds values to a number format; the gradient passes by the format's rule", 0);
  op.attributes = {{"format", quant::Format(), true, "number format, as `integer(width=8, frac_width=4, signed=1)`"}};
  op.format_attribute = "format";
  op.output_shape = [](const Node& node, std::span<const Shape> inputs) {
    if (const auto reason = quant::misfit(node.format("format"), inputs[0])) throw UserError(*reason);
    return inputs[0];
  };
  return op;
}

}  // namespace lathe::ir::ops
