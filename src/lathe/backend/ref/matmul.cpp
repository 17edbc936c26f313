#include "lathe/backend/ref/kernel.h"

namespace lathe::backend::ref {
namespace {

// [.., rows, inner] x [.., inner, columns], or the second as [.., columns, inner].
struct Product {
  std::size_t rows, inner, columns;
  bool transposed;

  explicit Product(const NodeState& state)
      : rows(static_cast<std::size_t>(state.in_shapes[0].end()[-2])),
        inner(static_cast<std::size_t>(state.in_shapes[0].back())),
        columns(static_cast<std::size_t>(state.out_shape().back())),
        transposed(state.node->boolean("transpose_b")) {}

  // Calls `visit(left, right, output)` with the indices of every two values that are multiplied and of their sum.
  template <typename Visit>
  void for_each_product(std::size_t outputs, Visit visit) const {
    for (std::size_t out = 0; out < outputs; ++out) {
      const std::size_t matrix = out / (rows * columns), row = out / columns, column = out % columns;
      for (std::size_t k = 0; k < inner; ++k) {
        const std::size_t in_right = transposed ? column * inner + k : k * columns + column;
        visit(row * inner + k, matrix * inner * columns + in_right, out);
      }
    }
  }
};

void forward(NodeState& state, const Pass&, Inputs inputs, std::span<double> output) {
  for (double& value : output) value = 0;
  Product(state).for_each_product(output.size(), [&](std::size_t left, std::size_t right, std::size_t out) {
    output[out] += inputs[0][left] * inputs[1][right];
  });
}

void backward(NodeState& state, const Pass&, Inputs inputs, std::span<const double>,
              std::span<const double> output_gradient, InputGradients input_gradients) {
  Product(state).for_each_product(output_gradient.size(), [&](std::size_t left, std::size_t right, std::size_t out) {
    input_gradients[0][left] += output_gradient[out] * inputs[1][right];
    input_gradients[1][right] += output_gradient[out] * inputs[0][left];
  });
}

}  // namespace

Kernel matmul_kernel() { return {.op = "matmul", .forward = forward, .backward = backward, .saved_size = nullptr}; }

}  // namespace lathe::backend::ref
