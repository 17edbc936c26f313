#include "lathe/backend/ref/window.h"

namespace lathe::backend::ref {
namespace {

Window common_window(const NodeState& state) {
  const ir::Node& node = *state.node;
  return {.in = plane_of(state.in_shapes[0]),
          .out = plane_of(state.out_shape()),
          .kernel = pair_of(node.integers("kernel_size"), 1),
          .stride = pair_of(node.integers("stride"), 1),
          .padding = pair_of(node.integers("padding"), 0)};
}

}  // namespace

Window::Pair plane_of(const Shape& shape) {
  return shape.size() == 2 ? Window::Pair{1, shape[1]} : Window::Pair{shape[1], shape[2]};
}

Window::Pair pair_of(const Shape& list, std::int64_t missing) {
  return list.size() == 1 ? Window::Pair{missing, list[0]} : Window::Pair{list[0], list[1]};
}

Window pooling_window(const NodeState& state) {
  Window window = common_window(state);
  for (std::size_t i = 0; i < 2; ++i)
    if (window.stride[i] == 0) window.stride[i] = window.kernel[i];
  return window;
}

Window convolution_window(const NodeState& state) {
  Window window = common_window(state);
  window.dilation = pair_of(state.node->integers("dilation"), 1);
  return window;
}

}  // namespace lathe::backend::ref
