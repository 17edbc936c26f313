#include <fmt/format.h>

#include "lathe/base/error.h"
#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {
namespace {

Shape output_shape(const Node&, std::span<const Shape> inputs) {
  const std::size_t axis = inputs[0].size() == 2 ? 1 : 0;
  Shape joined = inputs[0];
  joined[axis] = 0;
  for (const Shape& shape : inputs) {
    Shape expected = inputs[0];
    if (shape.size() == expected.size()) expected[axis] = shape[axis];
    if (shape != expected)
      throw UserError(fmt::format("concat reads values that differ in their channels alone; got {} and {}",
                                  to_string(inputs[0]), to_string(shape)));
    joined[axis] += shape[axis];
  }
  return joined;
}

}  // namespace

OpDeclaration concat() {
  OpDeclaration op =
      elementwise("concat", "",
                  "the channels of two or more values one after the other: the first dimension of [channels, height, "
                  "width], the last of [positions, channels]",
                  0);
  op.function = "torch.cat";
  op.input_count = 2;
  op.reads_more = true;
  op.channel_rule = ChannelRule::kJoins;
  op.channel_axis = ChannelAxis::kByRank;
  op.output_shape = output_shape;
  op.module_text = [](const Node&) { return std::string("torch.cat"); };
  return op;
}

}  // namespace lathe::ir::ops
