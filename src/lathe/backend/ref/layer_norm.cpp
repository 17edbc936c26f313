#include <cmath>

#include "lathe/backend/ref/kernel.h"

namespace lathe::backend::ref {
namespace {

struct Statistics {
  double mean, inverse;  // inverse: 1 / sqrt(variance of the population + eps)
};

Statistics statistics_of(std::span<const double> values, double epsilon) {
  const auto count = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  for (const double value : values) squares += (value - sum / count) * (value - sum / count);
  return {sum / count, 1 / std::sqrt(squares / count + epsilon)};
}

// Ba et al. 2016 (arXiv:1607.06450), over the last dimension.
void forward(NodeState& state, const Pass&, Inputs inputs, std::span<double> output) {
  const std::vector<double>& weight = state.tensor("weight").effective;
  const std::vector<double>& bias = state.tensor("bias").effective;
  for (std::size_t begin = 0; begin < output.size(); begin += weight.size()) {
    const auto values = inputs[0].subspan(begin, weight.size());
    const Statistics statistics = statistics_of(values, state.node->number("eps"));
    for (std::size_t i = 0; i < weight.size(); ++i)
      output[begin + i] = (values[i] - statistics.mean) * statistics.inverse * weight[i] + bias[i];
  }
}

void backward(NodeState& state, const Pass&, Inputs inputs, std::span<const double>,
              std::span<const double> output_gradient, InputGradients input_gradients) {
  Tensor& weight = state.tensor("weight");
  Tensor& bias = state.tensor("bias");
  const std::size_t size = weight.values.size();
  const auto count = static_cast<double>(size);
  for (std::size_t begin = 0; begin < output_gradient.size(); begin += size) {
    const auto values = inputs[0].subspan(begin, size);
    const Statistics statistics = statistics_of(values, state.node->number("eps"));
    double sum = 0, product = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const double gradient = output_gradient[begin + i];
      const double normalised = (values[i] - statistics.mean) * statistics.inverse;
      weight.gradient[i] += gradient * normalised;
      bias.gradient[i] += gradient;
      sum += gradient * weight.effective[i];
      product += gradient * weight.effective[i] * normalised;
    }
    for (std::size_t i = 0; i < size; ++i) {
      const double normalised = (values[i] - statistics.mean) * statistics.inverse;
      input_gradients[0][begin + i] += statistics.inverse * (output_gradient[begin + i] * weight.effective[i] -
                                                             sum / count - normalised * product / count);
    }
  }
}

}  // namespace

Kernel layer_norm_kernel() {
  return {.op = "layer_norm", .forward = forward, .backward = backward, .saved_size = nullptr};
}

}  // namespace lathe::backend::ref
