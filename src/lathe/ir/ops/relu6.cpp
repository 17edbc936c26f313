#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {

OpDeclaration relu6() {
  OpDeclaration op = elementwise("relu6", "ReLU6", "min(max(x, 0), 6)", 1);
  op.quantizable = true;
  return op;
}

}  // namespace lathe::ir::ops
