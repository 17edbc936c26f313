#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {

OpDeclaration relu() {
  OpDeclaration op = elementwise("relu", "ReLU", "max(x, 0)", 1);
  op.quantizable = true;
  op.unsigned_data_in = true;
  return op;
}

}  // namespace lathe::ir::ops
