#include "lathe/backend/ref/kernel.h"

namespace lathe::backend::ref {
namespace {

void forward(NodeState& state, const Pass& pass, Inputs inputs, std::span<double> output) {
  const std::span<const double> input = inputs[0];
  const std::vector<double>& weight = state.tensor("weight").effective;
  const Tensor* bias = state.find("bias");
  for (std::size_t row = 0; row < pass.rows; ++row) {
    for (std::size_t out = 0; out < state.out_width; ++out) {
      double sum = 0;
      for (std::size_t in = 0; in < state.in_width; ++in)
        sum += input[row * state.in_width + in] * weight[out * state.in_width + in];
      output[row * state.out_width + out] = sum + (bias == nullptr ? 0.0 : bias->effective[out]);
    }
  }
}

void backward(NodeState& state, const Pass& pass, Inputs inputs, std::span<const double>,
              std::span<const double> output_gradient, InputGradients input_gradients) {
  const std::span<const double> input = inputs[0];
  const std::span<double> input_gradient = input_gradients[0];
  Tensor& weight = state.tensor("weight");
  Tensor* bias = state.find("bias");
  for (std::size_t row = 0; row < pass.rows; ++row) {
    for (std::size_t out = 0; out < state.out_width; ++out) {
      const double gradient = output_gradient[row * state.out_width + out];
      if (bias != nullptr) bias->gradient[out] += gradient;
      for (std::size_t in = 0; in < state.in_width; ++in) {
        weight.gradient[out * state.in_width + in] += gradient * input[row * state.in_width + in];
        input_gradient[row * state.in_width + in] += gradient * weight.effective[out * state.in_width + in];
      }
    }
  }
}

}  // namespace

Kernel linear_kernel() { return {.op = "linear", .forward = forward, .backward = backward, .saved_size = nullptr}; }

}  // namespace lathe::backend::ref
