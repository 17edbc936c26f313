#include "lathe/backend/ref/kernel.h"

namespace lathe::backend::ref {
namespace {

// Returns for each value of one output sample its index in the input: dimension i of the output is dims[i] of the
// input.
std::vector<std::size_t> sources(const NodeState& state) {
  const Shape& in = state.in_shapes[0];
  std::vector<std::size_t> strides(in.size(), 1);
  for (std::size_t i = in.size(); i-- > 1;) strides[i - 1] = strides[i] * static_cast<std::size_t>(in[i]);
  std::vector<std::size_t> indices = {0};
  for (const std::int64_t dimension : state.node->integers("dims")) {
    const auto from = static_cast<std::size_t>(dimension);
    std::vector<std::size_t> longer;
    for (const std::size_t index : indices)
      for (std::size_t k = 0; k < static_cast<std::size_t>(in[from]); ++k) longer.push_back(index + k * strides[from]);
    indices = std::move(longer);
  }
  return indices;
}

void forward(NodeState& state, const Pass& pass, Inputs inputs, std::span<double> output) {
  const std::vector<std::size_t> from = sources(state);
  for (std::size_t row = 0; row < pass.rows; ++row)
    for (std::size_t i = 0; i < from.size(); ++i)
      output[row * from.size() + i] = inputs[0][row * from.size() + from[i]];
}

void backward(NodeState& state, const Pass& pass, Inputs, std::span<const double>,
              std::span<const double> output_gradient, InputGradients input_gradients) {
  const std::vector<std::size_t> from = sources(state);
  for (std::size_t row = 0; row < pass.rows; ++row)
    for (std::size_t i = 0; i < from.size(); ++i)
      input_gradients[0][row * from.size() + from[i]] += output_gradient[row * from.size() + i];
}

}  // namespace

Kernel permute_kernel() { return {.op = "permute", .forward = forward, .backward = backward, .saved_size = nullptr}; }

}  // namespace lathe::backend::ref
