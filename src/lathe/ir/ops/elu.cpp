#include <fmt/format.h>

#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {

OpDeclaration elu() {
  OpDeclaration op = elementwise("elu", "ELU", "x for x > 0, else alpha * (exp(x) - 1)", 1);
  op.attributes = {{"alpha", 1.0, false, "minus the limit for low x"}};
  op.quantizable = true;
  op.module_text = [](const Node& node) { return fmt::format("ELU(alpha={})", python_number(node.number("alpha"))); };
  return op;
}

}  // namespace lathe::ir::ops
