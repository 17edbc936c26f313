#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {

OpDeclaration sigmoid() {
  OpDeclaration op = elementwise("sigmoid", "Sigmoid", "1 / (1 + exp(-x))", 1);
  op.quantizable = true;
  return op;
}

}  // namespace lathe::ir::ops
