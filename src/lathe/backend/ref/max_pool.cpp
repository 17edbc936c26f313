#include "lathe/backend/ref/kernel.h"
#include "lathe/backend/ref/window.h"

namespace lathe::backend::ref {
namespace {

// Returns the index in the plane of the largest value under the window, the first of equals. Padding counts as
// -infinity; every window holds a value of the plane.
std::size_t largest_under(const Window& window, std::span<const double> plane, std::size_t place) {
  std::size_t largest = plane.size();
  window.for_each_tap(place, [&](std::size_t at, std::size_t) {
    if (largest == plane.size() || plane[at] > plane[largest]) largest = at;
  });
  return largest;
}

// Calls `visit(input, output)` with the index of each output value and of the input value that it repeats.
template <typename Visit>
void for_each_largest(const NodeState& state, const Pass& pass, std::span<const double> input, Visit visit) {
  const Window window = pooling_window(state);
  const std::size_t planes = pass.rows * static_cast<std::size_t>(state.out_shape()[0]);
  for (std::size_t plane = 0; plane < planes; ++plane) {
    const auto values = input.subspan(plane * window.in_plane(), window.in_plane());
    for (std::size_t place = 0; place < window.out_plane(); ++place)
      visit(plane * window.in_plane() + largest_under(window, values, place), plane * window.out_plane() + place);
  }
}

void forward(NodeState& state, const Pass& pass, Inputs inputs, std::span<double> output) {
  for_each_largest(state, pass, inputs[0], [&](std::size_t in, std::size_t out) { output[out] = inputs[0][in]; });
}

void backward(NodeState& state, const Pass& pass, Inputs inputs, std::span<const double>,
              std::span<const double> output_gradient, InputGradients input_gradients) {
  for_each_largest(state, pass, inputs[0],
                   [&](std::size_t in, std::size_t out) { input_gradients[0][in] += output_gradient[out]; });
}

}  // namespace

Kernel max_pool_kernel(const char* op) {
  return {.op = op, .forward = forward, .backward = backward, .saved_size = nullptr};
}

}  // namespace lathe::backend::ref
