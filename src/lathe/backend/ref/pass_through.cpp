#include <algorithm>

#include "lathe/backend/ref/kernel.h"

namespace lathe::backend::ref {
namespace {

void forward(NodeState&, const Pass&, Inputs inputs, std::span<double> output) {
  const std::span<const double> input = inputs[0];
  std::copy_n(input.begin(), output.size(), output.begin());
}

void quantize(NodeState& state, const Pass& pass, Inputs inputs, std::span<double> output) {
  const std::span<const double> input = inputs[0];
  Shape shape = state.node->output_shape;
  shape.insert(shape.begin(), static_cast<std::int64_t>(pass.rows));
  state.quantizer->quantize(input, output, shape);
}

// The gradient of a value that is handed on, and of a quantised one by the straight-through rule (Bengio et al. 2013,
// arXiv:1308.3432), the only rule that formats have so far.
void backward(NodeState&, const Pass&, Inputs, std::span<const double>, std::span<const double> output_gradient,
              InputGradients input_gradients) {
  const std::span<double> input_gradient = input_gradients[0];
  for (std::size_t i = 0; i < output_gradient.size(); ++i) input_gradient[i] += output_gradient[i];
}

}  // namespace

Kernel pass_through_kernel(const char* op) {
  return {.op = op, .forward = forward, .backward = backward, .saved_size = nullptr};
}

Kernel quantize_kernel() {
  return {.op = "quantize", .forward = quantize, .backward = backward, .saved_size = nullptr};
}

}  // namespace lathe::backend::ref
