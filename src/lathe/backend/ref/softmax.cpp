#include "lathe/backend/ref/softmax.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lathe/backend/ref/kernel.h"

namespace lathe::backend::ref {
namespace {

// Over the last dimension.
void forward(NodeState& state, const Pass&, Inputs inputs, std::span<double> output) {
  std::copy_n(inputs[0].begin(), output.size(), output.begin());
  const auto size = static_cast<std::size_t>(state.out_shape().back());
  for (std::size_t begin = 0; begin < output.size(); begin += size) apply_softmax(output.subspan(begin, size));
}

void backward(NodeState& state, const Pass&, Inputs, std::span<const double> output,
              std::span<const double> output_gradient, InputGradients input_gradients) {
  const auto size = static_cast<std::size_t>(state.out_shape().back());
  std::vector<double> gradient(size);
  for (std::size_t begin = 0; begin < output.size(); begin += size) {
    std::copy_n(output_gradient.begin() + static_cast<std::ptrdiff_t>(begin), size, gradient.begin());
    apply_softmax_gradient(output.subspan(begin, size), gradient);
    for (std::size_t i = 0; i < size; ++i) input_gradients[0][begin + i] += gradient[i];
  }
}

}  // namespace

void apply_softmax(std::span<double> values) {
  const double largest = *std::max_element(values.begin(), values.end());
  double sum = 0;
  for (double& value : values) sum += value = std::exp(value - largest);
  for (double& value : values) value /= sum;
}

void apply_softmax_gradient(std::span<const double> softmax, std::span<double> gradient) {
  const double mean = std::inner_product(softmax.begin(), softmax.end(), gradient.begin(), 0.0);
  for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] = softmax[i] * (gradient[i] - mean);
}

Kernel softmax_kernel() { return {.op = "softmax", .forward = forward, .backward = backward, .saved_size = nullptr}; }

}  // namespace lathe::backend::ref
