#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {

OpDeclaration silu() {
  OpDeclaration op = elementwise("silu", "SiLU", "x / (1 + exp(-x))", 1);
  op.quantizable = true;
  return op;
}

}  // namespace lathe::ir::ops
