#include <algorithm>

#include "lathe/backend/ref/kernel.h"

namespace lathe::backend::ref {
namespace {

// Sums from the first input to the last.
void forward(NodeState&, const Pass&, Inputs inputs, std::span<double> output) {
  std::copy_n(inputs[0].begin(), output.size(), output.begin());
  for (const std::span<const double> input : inputs.subspan(1))
    for (std::size_t i = 0; i < output.size(); ++i) output[i] += input[i];
}

void backward(NodeState&, const Pass&, Inputs, std::span<const double>, std::span<const double> output_gradient,
              InputGradients input_gradients) {
  for (const std::span<double> gradient : input_gradients)
    for (std::size_t i = 0; i < output_gradient.size(); ++i) gradient[i] += output_gradient[i];
}

}  // namespace

Kernel add_kernel() { return {.op = "add", .forward = forward, .backward = backward, .saved_size = nullptr}; }

}  // namespace lathe::backend::ref
