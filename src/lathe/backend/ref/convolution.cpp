#include "lathe/backend/ref/kernel.h"
#include "lathe/backend/ref/window.h"

namespace lathe::backend::ref {
namespace {

// weight is [out channels, in channels of a group, taps].
struct Convolution {
  Window window;
  std::size_t groups, in_of_group, out_of_group;

  explicit Convolution(const NodeState& state)
      : window(convolution_window(state)),
        groups(static_cast<std::size_t>(state.node->integer("groups"))),
        in_of_group(static_cast<std::size_t>(state.in_shapes[0][0]) / groups),
        out_of_group(static_cast<std::size_t>(state.out_shape()[0]) / groups) {}

  std::size_t out_channels() const { return groups * out_of_group; }
  // Calls `visit(input, weight)` with the indices of what is multiplied for one output value.
  template <typename Visit>
  void for_each_product(std::size_t row, std::size_t out, std::size_t place, Visit visit) const {
    const std::size_t first = (row * groups + out / out_of_group) * in_of_group;
    for (std::size_t in = 0; in < in_of_group; ++in)
      window.for_each_tap(place, [&](std::size_t at, std::size_t tap) {
        visit((first + in) * window.in_plane() + at, (out * in_of_group + in) * window.taps() + tap);
      });
  }
  // Calls `visit(row, channel, place, output)` for every output value.
  template <typename Visit>
  void for_each_output(std::size_t rows, Visit visit) const {
    std::size_t output = 0;
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t out = 0; out < out_channels(); ++out)
        for (std::size_t place = 0; place < window.out_plane(); ++place) visit(row, out, place, output++);
  }
};

void forward(NodeState& state, const Pass& pass, Inputs inputs, std::span<double> output) {
  const Convolution convolution(state);
  const std::span<const double> input = inputs[0];
  const std::vector<double>& weight = state.tensor("weight").effective;
  const Tensor* bias = state.find("bias");
  convolution.for_each_output(pass.rows, [&](std::size_t row, std::size_t out, std::size_t place, std::size_t at) {
    double sum = 0;
    convolution.for_each_product(row, out, place,
                                 [&](std::size_t in, std::size_t tap) { sum += input[in] * weight[tap]; });
    output[at] = sum + (bias == nullptr ? 0.0 : bias->effective[out]);
  });
}

void backward(NodeState& state, const Pass& pass, Inputs inputs, std::span<const double>,
              std::span<const double> output_gradient, InputGradients input_gradients) {
  const Convolution convolution(state);
  const std::span<const double> input = inputs[0];
  const std::span<double> input_gradient = input_gradients[0];
  Tensor& weight = state.tensor("weight");
  Tensor* bias = state.find("bias");
  convolution.for_each_output(pass.rows, [&](std::size_t row, std::size_t out, std::size_t place, std::size_t at) {
    const double gradient = output_gradient[at];
    if (bias != nullptr) bias->gradient[out] += gradient;
    convolution.for_each_product(row, out, place, [&](std::size_t in, std::size_t tap) {
      weight.gradient[tap] += gradient * input[in];
      input_gradient[in] += gradient * weight.effective[tap];
    });
  });
}

}  // namespace

Kernel convolution_kernel(const char* op) {
  return {.op = op, .forward = forward, .backward = backward, .saved_size = nullptr};
}

}  // namespace lathe::backend::ref
