#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {

OpDeclaration softmax() {
  OpDeclaration op = elementwise("softmax", "Softmax", "exp(x) over the sum of it over the last dimension", 1);
  op.couples_channels = true;
  op.module_text = [](const Node&) { return std::string("Softmax(dim=-1)"); };
  return op;
}

}  // namespace lathe::ir::ops
