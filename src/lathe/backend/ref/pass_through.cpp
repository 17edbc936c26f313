#include <algorithm>

#include "lathe/backend/ref/kernel.h"

namespace lathe::backend::ref {
namespace {

void forward(NodeState&, const Pass&, Inputs inputs, std::span<double> output) {
  const std::span<const double> input = inputs[0];
  std::copy_n(input.begin(), output.size(), output.begin());
}

// The gradient of a value that is handed on.
void backward(NodeState&, const Pass&, Inputs, std::span<const double>, std::span<const double> output_gradient,
              InputGradients input_gradients) {
  const std::span<double> input_gradient = input_gradients[0];
  for (std::size_t i = 0; i < output_gradient.size(); ++i) input_gradient[i] += output_gradient[i];
}

quant::TensorView<const double> samples(const NodeState& state, const Pass& pass, std::span<const double> values) {
  return quant::TensorView<const double>::batch(values.data(), static_cast<std::int64_t>(pass.rows), state.out_shape());
}

quant::TensorView<double> samples(const NodeState& state, const Pass& pass, std::span<double> values) {
  return quant::TensorView<double>::batch(values.data(), static_cast<std::int64_t>(pass.rows), state.out_shape());
}

void quantize(NodeState& state, const Pass& pass, Inputs inputs, std::span<double> output) {
  state.quantizer->quantize(samples(state, pass, inputs[0]), samples(state, pass, output));
}

// By the format's rule: straight through (Bengio et al. 2013, arXiv:1308.3432), or times its slope.
void quantize_backward(NodeState& state, const Pass& pass, Inputs inputs, std::span<const double> output,
                       std::span<const double> output_gradient, InputGradients input_gradients) {
  if (!state.quantizer->changes_gradients())
    return backward(state, pass, inputs, output, output_gradient, input_gradients);
  const std::span<double> gradient(state.saved.data(), output_gradient.size());
  std::copy(output_gradient.begin(), output_gradient.end(), gradient.begin());
  state.quantizer->pass_gradient(samples(state, pass, inputs[0]), samples(state, pass, gradient));
  backward(state, pass, inputs, output, gradient, input_gradients);
}

std::size_t gradient_size(const ir::Node& node, std::size_t rows) {
  if (!quant::make_quantizer(node.format("format"))->changes_gradients()) return 0;
  return rows * static_cast<std::size_t>(element_count(node.output_shape));
}

}  // namespace

Kernel pass_through_kernel(const char* op) {
  return {.op = op, .forward = forward, .backward = backward, .saved_size = nullptr};
}

Kernel quantize_kernel() {
  return {.op = "quantize", .forward = quantize, .backward = quantize_backward, .saved_size = gradient_size};
}

}  // namespace lathe::backend::ref
