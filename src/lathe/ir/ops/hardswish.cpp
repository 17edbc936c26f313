#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {

OpDeclaration hardswish() {
  OpDeclaration op = elementwise("hardswish", "Hardswish", "x * min(max(x + 3, 0), 6) / 6", 1);
  op.quantizable = true;
  return op;
}

}  // namespace lathe::ir::ops
