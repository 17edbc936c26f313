#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {

OpDeclaration identity() { return elementwise("identity", "Identity", "passes its input on", 0); }

}  // namespace lathe::ir::ops
