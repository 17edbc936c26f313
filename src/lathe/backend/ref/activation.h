#pragma once

#include "lathe/backend/ref/kernel.h"

namespace lathe::backend::ref {

/// An activation: the value of x, and its derivative at x, where it has the value y.
using Value = double (*)(const ir::Node&, double x);
using Derivative = double (*)(const ir::Node&, double x, double y);

template <Value value>
void activate(NodeState& state, const Pass&, Inputs inputs, std::span<double> output) {
  const std::span<const double> input = inputs[0];
  for (std::size_t i = 0; i < output.size(); ++i) output[i] = value(*state.node, input[i]);
}

template <Derivative derivative>
void differentiate(NodeState& state, const Pass&, Inputs inputs, std::span<const double> output,
                   std::span<const double> output_gradient, InputGradients input_gradients) {
  const std::span<const double> input = inputs[0];
  const std::span<double> input_gradient = input_gradients[0];
  for (std::size_t i = 0; i < output.size(); ++i)
    input_gradient[i] += output_gradient[i] * derivative(*state.node, input[i], output[i]);
}

/// Makes the kernel of an activation, which works value by value.
template <Value value, Derivative derivative>
Kernel activation(const char* op) {
  return {.op = op, .forward = activate<value>, .backward = differentiate<derivative>, .saved_size = nullptr};
}

}  // namespace lathe::backend::ref
