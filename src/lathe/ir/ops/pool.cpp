#include <fmt/format.h>

#include "lathe/base/error.h"
#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"
#include "lathe/ir/ops/window.h"
#include "lathe/ir/size_limits.h"

namespace lathe::ir::ops {
namespace {

/// Reads the window of a pool; a stride of 0 is the kernel's extent.
Window window_of(const Node& node) {
  Window window{node.integers("kernel_size"), node.integers("stride"), node.integers("padding"), {}};
  for (std::size_t i = 0; i < window.kernel.size(); ++i)
    if (window.stride[i] == 0) window.stride[i] = window.kernel[i];
  window.dilation = Shape(window.kernel.size(), 1);
  window.ceil_mode = node.boolean("ceil_mode");
  return window;
}

Shape pool_shape(const Node& node, std::span<const Shape> inputs) {
  check_at_least("kernel_size", node.integers("kernel_size"), 1);
  check_at_least("stride", node.integers("stride"), 0);
  check_at_least("padding", node.integers("padding"), 0);
  const Window window = window_of(node);
  check_channels_first(node.op, window.kernel.size(), inputs[0]);
  for (std::size_t i = 0; i < window.kernel.size(); ++i)
    if (2 * window.padding[i] > window.kernel[i])
      throw UserError(fmt::format("padding must be at most half of kernel_size; got {} and {}",
                                  to_string(window.padding), to_string(window.kernel)));
  return window_shape(window, inputs[0][0], inputs[0]);
}

OpCost pool_cost(const Node& node, std::span<const Shape> inputs) {
  const std::int64_t values = element_count(node.integers("kernel_size"));
  return {.flops = counted_product({element_count(pool_shape(node, inputs)), values}),
          .backward_flops = counted_product({element_count(inputs[0]), values})};
}

OpDeclaration pool(std::string name, std::string type, std::string description, std::size_t dimensions) {
  OpDeclaration op = elementwise(std::move(name), std::move(type), std::move(description), 0);
  op.attributes = {{"kernel_size", Shape(dimensions, 0), true, "extent of the window"},
                   {"stride", Shape(dimensions, 0), false, "steps of the window; 0: kernel_size"},
                   {"padding", Shape(dimensions, 0), false, "positions put around the input on either side"},
                   {"ceil_mode", false, false, "whether a window that is cut off at the end counts"}};
  op.channel_axis = ChannelAxis::kFirst;
  op.output_shape = pool_shape;
  op.cost = pool_cost;
  return op;
}

OpDeclaration max_pool(std::string name, const std::string& type, std::size_t dimensions) {
  OpDeclaration op = pool(std::move(name), type, "the largest value in every window; padding never is", dimensions);
  op.module_text = [type](const Node& node) {
    const Window window = window_of(node);
    return fmt::format("{}(kernel_size={}, stride={}, padding={}, dilation=1, ceil_mode={})", type,
                       python_size(window.kernel), python_size(window.stride), python_size(window.padding),
                       python_boolean(window.ceil_mode));
  };
  return op;
}

OpDeclaration avg_pool(std::string name, const std::string& type, std::size_t dimensions) {
  OpDeclaration op = pool(std::move(name), type, "the mean of every window", dimensions);
  op.attributes.push_back({"count_include_pad", true, false, "whether the padding's zeros count in the mean"});
  op.module_text = [type, dimensions](const Node& node) {
    const Window window = window_of(node);
    const auto show = dimensions == 1 ? python_tuple : python_size;
    return fmt::format("{}(kernel_size={}, stride={}, padding={})", type, show(window.kernel), show(window.stride),
                       show(window.padding));
  };
  return op;
}

Shape adaptive_shape(const Node& node, std::span<const Shape> inputs) {
  const Shape& size = node.integers("output_size");
  check_channels_first(node.op, size.size(), inputs[0]);
  check_at_least("output_size", size, 1);
  Shape shape = {inputs[0][0]};
  shape.insert(shape.end(), size.begin(), size.end());
  return shape;
}

OpDeclaration adaptive_avg_pool(std::string name, const std::string& type, std::size_t dimensions) {
  OpDeclaration op = elementwise(std::move(name), type,
                                 "the means of as many windows as the output has positions (PyTorch's bins)", 1);
  op.attributes = {{"output_size", Shape(dimensions, 0), true, "positions of the output"}};
  op.channel_axis = ChannelAxis::kFirst;
  op.output_shape = adaptive_shape;
  op.module_text = [type, dimensions](const Node& node) {
    const Shape& size = node.integers("output_size");
    return fmt::format("{}(output_size={})", type, dimensions == 1 ? python_size(size) : python_tuple(size));
  };
  return op;
}

}  // namespace

OpDeclaration max_pool1d() { return max_pool("max_pool1d", "MaxPool1d", 1); }
OpDeclaration max_pool2d() { return max_pool("max_pool2d", "MaxPool2d", 2); }
OpDeclaration avg_pool1d() { return avg_pool("avg_pool1d", "AvgPool1d", 1); }
OpDeclaration avg_pool2d() { return avg_pool("avg_pool2d", "AvgPool2d", 2); }
OpDeclaration adaptive_avg_pool1d() { return adaptive_avg_pool("adaptive_avg_pool1d", "AdaptiveAvgPool1d", 1); }
OpDeclaration adaptive_avg_pool2d() { return adaptive_avg_pool("adaptive_avg_pool2d", "AdaptiveAvgPool2d", 2); }

}  // namespace lathe::ir::ops
