#include <fmt/format.h>

#include "lathe/base/error.h"
#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {
namespace {

Shape output_shape(const Node& node, std::span<const Shape> inputs) {
  const std::int64_t width = node.integer("normalized_shape");
  if (inputs[0].empty() || inputs[0].back() != width)
    throw UserError(fmt::format("normalized_shape = {}, but the last dimension of its input is that of {}", width,
                                to_string(inputs[0])));
  if (!(node.number("eps") > 0)) throw UserError(fmt::format("eps must be above 0; got {}", node.number("eps")));
  return inputs[0];
}

std::vector<Parameter> parameters(const Node& node, std::span<const Shape>) {
  const Shape shape = {node.integer("normalized_shape")};
  return {{.name = "weight",
           .shape = shape,
           .initializer = Initializer::kOnes,
           .output_axis = 0,
           .operand = Operand::kWeight},
          {.name = "bias", .shape = shape, .output_axis = 0, .operand = Operand::kBias}};
}

}  // namespace

OpDeclaration layer_norm() {
  OpDeclaration op =
      elementwise("layer_norm", "LayerNorm", "normalisation over the last dimension, then scale and shift", 5);
  op.attributes = {{"normalized_shape", std::int64_t{0}, true, "width: the last dimension"},
                   {"eps", 1e-5, false, "added to the variance"}};
  op.channel_rule = ChannelRule::kFollows;
  op.channel_axis = ChannelAxis::kLast;
  op.couples_channels = true;
  op.input_width_attribute = "normalized_shape";
  op.output_shape = output_shape;
  op.parameters = parameters;
  op.module_text = [](const Node& node) {
    return fmt::format("LayerNorm(({},), eps={}, elementwise_affine=True)", node.integer("normalized_shape"),
                       python_number(node.number("eps")));
  };
  return op;
}

}  // namespace lathe::ir::ops
