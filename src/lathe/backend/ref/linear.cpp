#include "lathe/backend/ref/kernel.h"

namespace lathe::backend::ref {
namespace {

// Acts on the last dimension: every token of a text is a row of its own.
struct Matrix {
  std::size_t rows, in, out;

  Matrix(const NodeState& state, std::size_t outputs)
      : in(static_cast<std::size_t>(state.in_shapes[0].back())),
        out(static_cast<std::size_t>(state.out_shape().back())) {
    rows = outputs / out;
  }
};

void forward(NodeState& state, const Pass&, Inputs inputs, std::span<double> output) {
  const Matrix matrix(state, output.size());
  const std::span<const double> input = inputs[0];
  const std::vector<double>& weight = state.tensor("weight").effective;
  const Tensor* bias = state.find("bias");
  for (std::size_t row = 0; row < matrix.rows; ++row) {
    for (std::size_t out = 0; out < matrix.out; ++out) {
      double sum = 0;
      for (std::size_t in = 0; in < matrix.in; ++in) sum += input[row * matrix.in + in] * weight[out * matrix.in + in];
      output[row * matrix.out + out] = sum + (bias == nullptr ? 0.0 : bias->effective[out]);
    }
  }
}

void backward(NodeState& state, const Pass&, Inputs inputs, std::span<const double>,
              std::span<const double> output_gradient, InputGradients input_gradients) {
  const Matrix matrix(state, output_gradient.size());
  const std::span<const double> input = inputs[0];
  const std::span<double> input_gradient = input_gradients[0];
  Tensor& weight = state.tensor("weight");
  Tensor* bias = state.find("bias");
  for (std::size_t row = 0; row < matrix.rows; ++row) {
    for (std::size_t out = 0; out < matrix.out; ++out) {
      const double gradient = output_gradient[row * matrix.out + out];
      if (bias != nullptr) bias->gradient[out] += gradient;
      for (std::size_t in = 0; in < matrix.in; ++in) {
        weight.gradient[out * matrix.in + in] += gradient * input[row * matrix.in + in];
        input_gradient[row * matrix.in + in] += gradient * weight.effective[out * matrix.in + in];
      }
    }
  }
}

}  // namespace

Kernel linear_kernel() { return {.op = "linear", .forward = forward, .backward = backward, .saved_size = nullptr}; }

}  // namespace lathe::backend::ref
