#include <fmt/format.h>

#include "lathe/base/error.h"
#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"
#include "lathe/ir/size_limits.h"

namespace lathe::ir::ops {
namespace {

Shape output_shape(const Node& node, std::span<const Shape> inputs) {
  const std::int64_t in_features = node.integer("in_features");
  const std::int64_t out_features = node.integer("out_features");
  if (in_features < 1 || out_features < 1)
    throw UserError(
        fmt::format("in_features and out_features must be at least 1; got {} and {}", in_features, out_features));
  if (inputs[0].size() != 1 && inputs[0].size() != 2)
    throw UserError(fmt::format("linear reads [features] or [tokens, features]; got {} (put a flatten before it)",
                                to_string(inputs[0])));
  if (inputs[0].back() != in_features)
    throw UserError(fmt::format("in_features = {}, but its input has {} features", in_features, inputs[0].back()));
  Shape shape = inputs[0];
  shape.back() = out_features;
  return shape;
}

std::vector<Parameter> parameters(const Node& node, std::span<const Shape>) {
  const std::int64_t in_features = node.integer("in_features");
  const std::int64_t out_features = node.integer("out_features");
  Parameter weight{.name = "weight", .shape = {out_features, in_features}, .operand = Operand::kWeight};
  weight.initializer = Initializer::kUniformFanIn;
  weight.fan_in = in_features;
  weight.output_axis = 0;
  weight.input_axis = 1;
  std::vector<Parameter> list = {weight};
  if (node.boolean("bias")) {
    Parameter bias = weight;
    bias.name = "bias";
    bias.operand = Operand::kBias;
    bias.shape = {out_features};
    bias.input_axis = -1;
    list.push_back(bias);
  }
  return list;
}

OpCost cost(const Node& node, std::span<const Shape> inputs) {
  const std::int64_t weights = node.integer("in_features") * node.integer("out_features");
  const std::int64_t macs = counted_product({weights, inputs[0].size() == 2 ? inputs[0].front() : 1});
  return {.macs = macs, .flops = macs, .backward_flops = counted_product({2, macs}), .lab_parameters = weights};
}

}  // namespace

OpDeclaration linear() {
  OpDeclaration op;
  op.name = "linear";
  op.module_type = "Linear";
  op.description = "fully connected layer: y = x W^T + b, token by token where there are tokens";
  op.attributes = {{"in_features", std::int64_t{0}, true, "input width"},
                   {"out_features", std::int64_t{0}, true, "output width"},
                   {"bias", true, false, "whether a bias is added"}};
  op.channel_rule = ChannelRule::kProduces;
  op.channel_axis = ChannelAxis::kLast;
  op.input_width_attribute = "in_features";
  op.output_width_attribute = "out_features";
  op.quantizable = true;
  op.output_shape = output_shape;
  op.parameters = parameters;
  op.cost = cost;
  op.module_text = [](const Node& node) {
    return fmt::format("Linear(in_features={}, out_features={}, bias={})", node.integer("in_features"),
                       node.integer("out_features"), python_boolean(node.boolean("bias")));
  };
  return op;
}

}  // namespace lathe::ir::ops
