#include "lathe/ir/activation.h"

#include "lathe/backend/ref/kernel.h"

namespace lathe::backend::ref {
namespace {

const ir::Activation& activation_of(const NodeState& state) { return ir::activations().at(state.node->op); }

void activate(NodeState& state, const Pass&, Inputs inputs, std::span<double> output) {
  const ir::Activation& activation = activation_of(state);
  const ir::ActivationNumbers numbers = activation.numbers(*state.node);
  const std::span<const double> input = inputs[0];
  for (std::size_t i = 0; i < output.size(); ++i) output[i] = activation.value(numbers, input[i]);
}

void differentiate(NodeState& state, const Pass&, Inputs inputs, std::span<const double> output,
                   std::span<const double> output_gradient, InputGradients input_gradients) {
  const ir::Activation& activation = activation_of(state);
  const ir::ActivationNumbers numbers = activation.numbers(*state.node);
  const std::span<const double> at = activation.reads_output(numbers) ? output : inputs[0];
  const std::span<double> input_gradient = input_gradients[0];
  for (std::size_t i = 0; i < output.size(); ++i)
    input_gradient[i] += activation.gradient(numbers, at[i], output_gradient[i]);
}

}  // namespace

const Kernel& activation_kernel() {
  static const Kernel kernel{.op = "activation", .forward = activate, .backward = differentiate, .saved_size = nullptr};
  return kernel;
}

}  // namespace lathe::backend::ref
