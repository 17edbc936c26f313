#include <fmt/format.h>

#include "lathe/backend/ref/kernel.h"
#include "lathe/base/error.h"

namespace lathe::backend::ref {
namespace {

std::size_t token_of(const NodeState& state, double value) {
  const auto known = static_cast<double>(state.node->integer("num_embeddings"));
  if (!(value >= 0 && value < known) || value != static_cast<double>(static_cast<std::size_t>(value)))
    throw DataError(fmt::format("node {}: {} is no token; it knows the whole numbers from 0 to {}", state.node->name,
                                value, known - 1));
  return static_cast<std::size_t>(value);
}

// Calls `visit(weight, output)` with the index of each output value and of the weight that it repeats.
template <typename Visit>
void for_each_value(const NodeState& state, std::span<const double> tokens, Visit visit) {
  const auto size = static_cast<std::size_t>(state.node->integer("embedding_dim"));
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::size_t token = token_of(state, tokens[i]);
    for (std::size_t k = 0; k < size; ++k) visit(token * size + k, i * size + k);
  }
}

void forward(NodeState& state, const Pass&, Inputs inputs, std::span<double> output) {
  const std::vector<double>& weight = state.tensor("weight").effective;
  for_each_value(state, inputs[0], [&](std::size_t from, std::size_t out) { output[out] = weight[from]; });
}

// Tokens are no values that a gradient could reach.
void backward(NodeState& state, const Pass&, Inputs inputs, std::span<const double>,
              std::span<const double> output_gradient, InputGradients) {
  std::vector<double>& gradient = state.tensor("weight").gradient;
  for_each_value(state, inputs[0], [&](std::size_t from, std::size_t out) { gradient[from] += output_gradient[out]; });
}

void add_positions(NodeState& state, const Pass&, Inputs inputs, std::span<double> output) {
  const std::vector<double>& weight = state.tensor("weight").effective;
  for (std::size_t i = 0; i < output.size(); ++i) output[i] = inputs[0][i] + weight[i % state.out_width];
}

void add_position_gradients(NodeState& state, const Pass&, Inputs, std::span<const double>,
                            std::span<const double> output_gradient, InputGradients input_gradients) {
  std::vector<double>& gradient = state.tensor("weight").gradient;
  for (std::size_t i = 0; i < output_gradient.size(); ++i) {
    gradient[i % state.out_width] += output_gradient[i];
    input_gradients[0][i] += output_gradient[i];
  }
}

}  // namespace

Kernel embedding_kernel() {
  return {.op = "embedding", .forward = forward, .backward = backward, .saved_size = nullptr};
}

Kernel position_embedding_kernel() {
  return {
      .op = "position_embedding", .forward = add_positions, .backward = add_position_gradients, .saved_size = nullptr};
}

}  // namespace lathe::backend::ref
