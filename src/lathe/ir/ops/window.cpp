#include "lathe/ir/ops/window.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"

namespace lathe::ir::ops {
namespace {

std::int64_t window_count(const Window& window, std::size_t dimension, std::int64_t extent) {
  const std::int64_t padding = window.padding[dimension];
  const std::int64_t stride = window.stride[dimension];
  const std::int64_t reach = window.dilation[dimension] * (window.kernel[dimension] - 1) + 1;
  const std::int64_t room = extent + 2 * padding - reach;
  if (room < 0) return 0;
  std::int64_t count = (room + (window.ceil_mode ? stride - 1 : 0)) / stride + 1;
  if (window.ceil_mode && (count - 1) * stride >= extent + padding) --count;
  return count;
}

}  // namespace

void check_channels_first(const std::string& op, std::size_t dimensions, const Shape& input) {
  if (input.size() == dimensions + 1) return;
  throw UserError(fmt::format("{} reads {}; got {}", op,
                              dimensions == 1 ? "[channels, length]" : "[channels, height, width]", to_string(input)));
}

void check_at_least(const char* attribute, const Shape& values, std::int64_t least) {
  if (std::any_of(values.begin(), values.end(), [&](std::int64_t value) { return value < least; }))
    throw UserError(fmt::format("{} must be at least {}; got {}", attribute, least, to_string(values)));
}

Shape window_shape(const Window& window, std::int64_t channels, const Shape& input) {
  Shape shape = {channels};
  for (std::size_t i = 0; i < window.kernel.size(); ++i) {
    shape.push_back(window_count(window, i, input[i + 1]));
    if (shape.back() < 1)
      throw UserError(fmt::format("a kernel_size of {} (dilation {}) does not fit into {} with a padding of {}",
                                  to_string(window.kernel), to_string(window.dilation), to_string(input),
                                  to_string(window.padding)));
  }
  return shape;
}

std::string python_tuple(const Shape& values) {
  return values.size() == 1 ? fmt::format("({},)", values[0]) : fmt::format("({})", fmt::join(values, ", "));
}

std::string python_size(const Shape& values) {
  const bool equal = std::all_of(values.begin(), values.end(), [&](std::int64_t value) { return value == values[0]; });
  return equal ? std::to_string(values[0]) : python_tuple(values);
}

}  // namespace lathe::ir::ops
