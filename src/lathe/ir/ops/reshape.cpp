#include <fmt/format.h>

#include "lathe/base/error.h"
#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"
#include "lathe/ir/ops/window.h"

namespace lathe::ir::ops {
namespace {

Shape output_shape(const Node& node, std::span<const Shape> inputs) {
  const Shape& shape = node.integers("shape");
  check_at_least("shape", shape, 1);
  if (shape.empty() || element_count(shape) != element_count(inputs[0]))
    throw UserError(fmt::format("shape {} has {} values, but its input {} has {}", to_string(shape),
                                shape.empty() ? 0 : element_count(shape), to_string(inputs[0]),
                                element_count(inputs[0])));
  return shape;
}

/// Tells whether features become an image of one position (the gates of squeeze and excitation): channels stay
/// channels.
bool only_adds_positions(const Node& node) {
  const Shape& shape = node.integers("shape");
  return shape.size() == 3 && shape[1] == 1 && shape[2] == 1;
}

void follow_input(Node& node, std::int64_t width) {
  if (only_adds_positions(node)) node.set("shape", Shape{width, 1, 1});
}

}  // namespace

OpDeclaration reshape() {
  OpDeclaration op = elementwise("reshape", "", "the same values, row-major, in another per-sample shape", 0);
  op.function = "torch.reshape";
  op.attributes = {{"shape", Shape(), true, "per-sample shape"}};
  op.channel_rule = ChannelRule::kBlocks;
  op.rule_of = [](const Node& node) {
    return only_adds_positions(node) ? ChannelRule::kFollows : ChannelRule::kBlocks;
  };
  op.follow_input = follow_input;
  op.channel_axis = ChannelAxis::kByRank;
  op.output_shape = output_shape;
  op.module_text = [](const Node&) { return std::string("torch.reshape"); };
  return op;
}

}  // namespace lathe::ir::ops
