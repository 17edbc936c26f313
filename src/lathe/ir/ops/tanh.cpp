#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {

OpDeclaration tanh() {
  OpDeclaration op = elementwise("tanh", "Tanh", "hyperbolic tangent", 1);
  op.quantizable = true;
  return op;
}

}  // namespace lathe::ir::ops
