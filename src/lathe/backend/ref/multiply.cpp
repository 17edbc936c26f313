#include <algorithm>

#include "lathe/backend/ref/kernel.h"

namespace lathe::backend::ref {
namespace {

// Multiplies from the first input to the last.
void forward(NodeState&, const Pass&, Inputs inputs, std::span<double> output) {
  std::copy_n(inputs[0].begin(), output.size(), output.begin());
  for (const std::span<const double> input : inputs.subspan(1))
    for (std::size_t i = 0; i < output.size(); ++i) output[i] *= input[i];
}

double product_of_others(Inputs inputs, std::size_t left_out, std::size_t i) {
  double product = 1;
  for (std::size_t k = 0; k < inputs.size(); ++k)
    if (k != left_out) product *= inputs[k][i];
  return product;
}

void backward(NodeState&, const Pass&, Inputs inputs, std::span<const double>, std::span<const double> output_gradient,
              InputGradients input_gradients) {
  for (std::size_t k = 0; k < inputs.size(); ++k)
    for (std::size_t i = 0; i < output_gradient.size(); ++i)
      input_gradients[k][i] += output_gradient[i] * product_of_others(inputs, k, i);
}

}  // namespace

Kernel multiply_kernel() { return {.op = "mul", .forward = forward, .backward = backward, .saved_size = nullptr}; }

}  // namespace lathe::backend::ref
