#include <functional>
#include <numeric>

#include "lathe/backend/ref/kernel.h"

namespace lathe::backend::ref {
namespace {

// Returns how many values of one sample stand together: those of all dimensions from the joined one on, which is the
// one where the output is longer than its inputs.
std::size_t run_of_output(const NodeState& state) {
  const Shape& in = state.in_shapes[0];
  const Shape& out = state.out_shape();
  std::size_t axis = 0;
  while (axis + 1 < out.size() && in[axis] == out[axis]) ++axis;
  const auto begin = out.begin() + static_cast<std::ptrdiff_t>(axis);
  return static_cast<std::size_t>(std::accumulate(begin, out.end(), std::int64_t{1}, std::multiplies<>()));
}

// Calls `visit(k, input, output)` with the index of each value in input k and in the output.
template <typename Visit>
void for_each_value(const NodeState& state, std::size_t rows, Visit visit) {
  const std::size_t run = run_of_output(state), runs = rows * state.out_width / run;
  std::size_t begin = 0;
  for (std::size_t k = 0; k < state.in_shapes.size(); ++k) {
    const std::size_t part = static_cast<std::size_t>(element_count(state.in_shapes[k])) * rows / runs;
    for (std::size_t i = 0; i < runs * part; ++i) visit(k, i, i / part * run + begin + i % part);
    begin += part;
  }
}

void forward(NodeState& state, const Pass& pass, Inputs inputs, std::span<double> output) {
  for_each_value(state, pass.rows,
                 [&](std::size_t k, std::size_t in, std::size_t out) { output[out] = inputs[k][in]; });
}

void backward(NodeState& state, const Pass& pass, Inputs, std::span<const double>,
              std::span<const double> output_gradient, InputGradients input_gradients) {
  for_each_value(state, pass.rows, [&](std::size_t k, std::size_t in, std::size_t out) {
    input_gradients[k][in] += output_gradient[out];
  });
}

}  // namespace

Kernel concat_kernel() { return {.op = "concat", .forward = forward, .backward = backward, .saved_size = nullptr}; }

}  // namespace lathe::backend::ref
