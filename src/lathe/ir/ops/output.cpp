#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {

OpDeclaration output() {
  OpDeclaration op = elementwise("output", "", "the network's result: one logit per class", 0);
  op.channel_rule = ChannelRule::kFixed;
  return op;
}

}  // namespace lathe::ir::ops
