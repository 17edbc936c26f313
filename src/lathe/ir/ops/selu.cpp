#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {

OpDeclaration selu() {
  OpDeclaration op =
      elementwise("selu", "SELU", "1.0507... * (x for x > 0, else 1.6732... * (exp(x) - 1)), Klambauer et al. 2017", 1);
  op.quantizable = true;
  return op;
}

}  // namespace lathe::ir::ops
