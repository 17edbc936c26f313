#include <fmt/format.h>

#include "lathe/base/error.h"
#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"
#include "lathe/ir/ops/window.h"

namespace lathe::ir::ops {
namespace {

Shape output_shape(const Node& node, std::span<const Shape> inputs) {
  const Shape& factor = node.integers("scale_factor");
  const std::string& mode = node.string("mode");
  check_channels_first(node.op, 2, inputs[0]);
  check_at_least("scale_factor", factor, 1);
  if (mode != "nearest" && mode != "bilinear")
    throw UserError(fmt::format("mode must be \"nearest\" or \"bilinear\"; got \"{}\"", mode));
  return {inputs[0][0], inputs[0][1] * factor[0], inputs[0][2] * factor[1]};
}

/// Nearest copies; a bilinear value is the weighted sum of four.
OpCost cost(const Node& node, std::span<const Shape> inputs) {
  if (node.string("mode") == "nearest") return {};
  const std::int64_t flops = 4 * element_count(output_shape(node, inputs));
  return {.flops = flops, .backward_flops = flops};
}

std::string module_text(const Node& node) {
  const Shape& factor = node.integers("scale_factor");
  const std::string scale =
      factor[0] == factor[1] ? fmt::format("{}.0", factor[0]) : fmt::format("({}.0, {}.0)", factor[0], factor[1]);
  return fmt::format("Upsample(scale_factor={}, mode='{}')", scale, node.string("mode"));
}

}  // namespace

OpDeclaration upsample() {
  OpDeclaration op = elementwise("upsample", "Upsample", "an image enlarged by whole factors (align_corners=False)", 0);
  op.attributes = {{"scale_factor", Shape(2, 1), true, "enlargement of height and width"},
                   {"mode", std::string("nearest"), false, "\"nearest\" or \"bilinear\""}};
  op.channel_axis = ChannelAxis::kFirst;
  op.output_shape = output_shape;
  op.cost = cost;
  op.module_text = module_text;
  return op;
}

}  // namespace lathe::ir::ops
