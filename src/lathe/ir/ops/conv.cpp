#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"
#include "lathe/ir/ops/window.h"
#include "lathe/ir/size_limits.h"

namespace lathe::ir::ops {
namespace {

/// Holds the attributes that count channels.
struct Channels {
  explicit Channels(const Node& node)
      : in(node.integer("in_channels")), out(node.integer("out_channels")), groups(node.integer("groups")) {}
  bool depthwise() const { return groups == in && in > 1; }
  std::int64_t in, out, groups;
};

void check_channels(const Channels& channels, std::int64_t found) {
  const auto [in, out, groups] = channels;
  if (in < 1 || out < 1)
    throw UserError(fmt::format("in_channels and out_channels must be at least 1; got {} and {}", in, out));
  if (groups < 1 || in % groups != 0 || out % groups != 0)
    throw UserError(fmt::format("groups = {} must divide in_channels = {} and out_channels = {}", groups, in, out));
  if (found != in) throw UserError(fmt::format("in_channels = {}, but its input has {} channels", in, found));
}

Shape output_shape(const Node& node, std::span<const Shape> inputs) {
  const Window window{node.integers("kernel_size"), node.integers("stride"), node.integers("padding"),
                      node.integers("dilation")};
  check_channels_first(node.op, window.kernel.size(), inputs[0]);
  check_channels(Channels(node), inputs[0][0]);
  check_at_least("kernel_size", window.kernel, 1);
  check_at_least("stride", window.stride, 1);
  check_at_least("padding", window.padding, 0);
  check_at_least("dilation", window.dilation, 1);
  return window_shape(window, node.integer("out_channels"), inputs[0]);
}

/// Returns the number of values that one output value is the sum over.
std::int64_t fan_in(const Node& node) {
  const Channels channels(node);
  return channels.in / channels.groups * element_count(node.integers("kernel_size"));
}

std::vector<Parameter> parameters(const Node& node, std::span<const Shape>) {
  const Channels channels(node);
  Parameter weight{
      .name = "weight", .shape = {channels.out, channels.in / channels.groups}, .operand = Operand::kWeight};
  for (const std::int64_t extent : node.integers("kernel_size")) weight.shape.push_back(extent);
  weight.initializer = Initializer::kUniformFanIn;
  weight.fan_in = fan_in(node);
  weight.output_axis = 0;
  weight.input_axis = channels.depthwise() ? -1 : 1;
  std::vector<Parameter> list = {weight};
  if (node.boolean("bias")) {
    Parameter bias = weight;
    bias.name = "bias";
    bias.operand = Operand::kBias;
    bias.shape = {channels.out};
    bias.input_axis = -1;
    list.push_back(bias);
  }
  return list;
}

OpCost cost(const Node& node, std::span<const Shape> inputs) {
  const std::int64_t macs = counted_product({element_count(output_shape(node, inputs)), fan_in(node)});
  return {.macs = macs,
          .flops = macs,
          .backward_flops = counted_product({2, element_count(inputs[0]), fan_in(node)}),
          .lab_parameters = counted_product({node.integer("out_channels"), fan_in(node)})};
}

void follow_input(Node& node, std::int64_t width) {
  const Channels before(node);
  node.set("in_channels", width);
  if (!before.depthwise()) return;
  node.set("groups", width);
  node.set("out_channels", before.out / before.in * width);
}

std::string module_text(const Node& node, const std::string& type) {
  const auto differs = [](const Shape& values, std::int64_t usual) {
    return std::any_of(values.begin(), values.end(), [&](std::int64_t value) { return value != usual; });
  };
  const Channels channels(node);
  std::string text = fmt::format("{}({}, {}, kernel_size={}, stride={}", type, channels.in, channels.out,
                                 python_tuple(node.integers("kernel_size")), python_tuple(node.integers("stride")));
  if (differs(node.integers("padding"), 0)) text += ", padding=" + python_tuple(node.integers("padding"));
  if (differs(node.integers("dilation"), 1)) text += ", dilation=" + python_tuple(node.integers("dilation"));
  if (channels.groups != 1) text += fmt::format(", groups={}", channels.groups);
  return text + (node.boolean("bias") ? ")" : ", bias=False)");
}

std::vector<AttributeDeclaration> attributes(std::size_t dimensions) {
  return {{"in_channels", std::int64_t{0}, true, "channels read"},
          {"out_channels", std::int64_t{0}, true, "channels written"},
          {"kernel_size", Shape(dimensions, 0), true, "extent of the window"},
          {"stride", Shape(dimensions, 1), false, "steps of the window"},
          {"padding", Shape(dimensions, 0), false, "zeros put around the input on either side"},
          {"dilation", Shape(dimensions, 1), false, "distance of the values that the window reads"},
          {"groups", std::int64_t{1}, false, "groups of channels that do not see each other"},
          {"bias", true, false, "whether a bias is added"}};
}

OpDeclaration conv(std::string name, std::string type, std::size_t dimensions) {
  OpDeclaration op;
  op.name = std::move(name);
  op.module_type = type;
  op.description =
      fmt::format("convolution over {}, with groups, stride, padding and dilation",
                  dimensions == 1 ? "a sequence [channels, length]" : "an image [channels, height, width]");
  op.attributes = attributes(dimensions);
  op.channel_rule = ChannelRule::kProduces;
  op.channel_axis = ChannelAxis::kFirst;
  op.rule_of = [](const Node& node) {
    return Channels(node).depthwise() ? ChannelRule::kFollows : ChannelRule::kProduces;
  };
  op.follow_input = follow_input;
  op.channel_blocks = [](const Node& node) { return Channels(node).depthwise() ? 1 : Channels(node).groups; };
  op.input_width_attribute = "in_channels";
  op.output_width_attribute = "out_channels";
  op.quantizable = true;
  op.output_shape = output_shape;
  op.parameters = parameters;
  op.cost = cost;
  op.module_text = [type](const Node& node) { return module_text(node, type); };
  return op;
}

}  // namespace

OpDeclaration conv1d() { return conv("conv1d", "Conv1d", 1); }
OpDeclaration conv2d() { return conv("conv2d", "Conv2d", 2); }

}  // namespace lathe::ir::ops
