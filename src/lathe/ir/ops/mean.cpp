#include <fmt/format.h>

#include "lathe/base/error.h"
#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {

OpDeclaration mean() {
  OpDeclaration op =
      elementwise("mean", "", "the mean over the positions: [tokens, features] or [channels, height, width]", 1);
  op.function = "torch.mean";
  op.channel_axis = ChannelAxis::kByRank;
  op.output_shape = [](const Node&, std::span<const Shape> inputs) {
    const std::size_t rank = inputs[0].size();
    if (rank != 2 && rank != 3)
      throw UserError(
          fmt::format("mean reads [tokens, features] or [channels, height, width]; got {}", to_string(inputs[0])));
    return Shape{rank == 2 ? inputs[0].back() : inputs[0].front()};
  };
  op.module_text = [](const Node&) { return std::string("torch.mean"); };
  return op;
}

}  // namespace lathe::ir::ops
