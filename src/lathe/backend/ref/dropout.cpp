#include "lathe/engine/dropout.h"

#include <algorithm>

#include "lathe/backend/ref/kernel.h"

namespace lathe::backend::ref {
namespace {

// A training pass saves the factor of each value [rows, width].
void forward(NodeState& state, const Pass& pass, Inputs inputs, std::span<double> output) {
  const std::span<const double> input = inputs[0];
  if (!pass.training) {
    std::copy_n(input.begin(), output.size(), output.begin());
    return;
  }
  const engine::DropoutMask mask(pass.dropout_seed, state.index, state.node->number("p"));
  for (std::size_t i = 0; i < output.size(); ++i) {
    const auto row = static_cast<std::uint32_t>(i / state.in_width);
    const auto feature = static_cast<std::uint32_t>(i % state.in_width);
    state.saved[i] = mask.keeps(row, feature) ? mask.scale() : 0;
    output[i] = input[i] * state.saved[i];
  }
}

void backward(NodeState& state, const Pass&, Inputs, std::span<const double>, std::span<const double> output_gradient,
              InputGradients input_gradients) {
  const std::span<double> input_gradient = input_gradients[0];
  for (std::size_t i = 0; i < output_gradient.size(); ++i) input_gradient[i] += output_gradient[i] * state.saved[i];
}

std::size_t saved_size(const ir::Node& node, std::size_t rows) {
  return rows * static_cast<std::size_t>(element_count(node.output_shape));
}

}  // namespace

Kernel dropout_kernel() {
  return {.op = "dropout", .forward = forward, .backward = backward, .saved_size = saved_size};
}

}  // namespace lathe::backend::ref
