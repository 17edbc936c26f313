#include <fmt/format.h>

#include "lathe/base/error.h"
#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {

OpDeclaration gelu() {
  OpDeclaration op = elementwise("gelu", "GELU", "x * Phi(x), Phi the normal distribution function", 1);
  op.attributes = {{"approximate", std::string("none"), false,
                    "`none`: exact, with erf; `tanh`: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))"}};
  op.quantizable = true;
  op.output_shape = [](const Node& node, std::span<const Shape> inputs) {
    const std::string& approximate = node.string("approximate");
    if (approximate != "none" && approximate != "tanh")
      throw UserError("approximate must be \"none\" or \"tanh\"; got \"" + approximate + "\"");
    return inputs[0];
  };
  op.module_text = [](const Node& node) { return fmt::format("GELU(approximate='{}')", node.string("approximate")); };
  return op;
}

}  // namespace lathe::ir::ops
