#include "lathe/backend/ref/kernel.h"

namespace lathe::backend::ref {
namespace {

// [tokens, features] -> [features]; [channels, height, width] -> [channels].
struct Positions {
  std::size_t channels, count, channel_stride, position_stride;

  explicit Positions(const NodeState& state)
      : channels(state.out_width),
        count(state.in_width / state.out_width),
        channel_stride(channels_last(state) ? 1 : count),
        position_stride(channels_last(state) ? channels : 1) {}

  static bool channels_last(const NodeState& state) { return state.in_shapes[0].size() == 2; }
  // Calls `visit(input, output)` with the index of each input value and of the mean that it is part of.
  template <typename Visit>
  void for_each_value(std::size_t rows, Visit visit) const {
    for (std::size_t out = 0; out < rows * channels; ++out)
      for (std::size_t k = 0; k < count; ++k)
        visit(out / channels * channels * count + out % channels * channel_stride + k * position_stride, out);
  }
};

void forward(NodeState& state, const Pass& pass, Inputs inputs, std::span<double> output) {
  const Positions positions(state);
  for (double& value : output) value = 0;
  positions.for_each_value(pass.rows, [&](std::size_t in, std::size_t out) { output[out] += inputs[0][in]; });
  for (double& value : output) value /= static_cast<double>(positions.count);
}

void backward(NodeState& state, const Pass& pass, Inputs, std::span<const double>,
              std::span<const double> output_gradient, InputGradients input_gradients) {
  const Positions positions(state);
  positions.for_each_value(pass.rows, [&](std::size_t in, std::size_t out) {
    input_gradients[0][in] += output_gradient[out] / static_cast<double>(positions.count);
  });
}

}  // namespace

Kernel mean_kernel() { return {.op = "mean", .forward = forward, .backward = backward, .saved_size = nullptr}; }

}  // namespace lathe::backend::ref
