#include <cmath>

#include "lathe/backend/ref/kernel.h"
#include "lathe/base/check.h"

namespace lathe::backend::ref {
namespace {

// A training pass saves mean [features] and 1 / sqrt(variance + eps) [features].
struct Statistics {
  double mean = 0;
  double variance = 0;  // of the population
};

Statistics batch_statistics(std::span<const double> input, std::size_t rows, std::size_t width, std::size_t feature) {
  double sum = 0;
  for (std::size_t row = 0; row < rows; ++row) sum += input[row * width + feature];
  const double mean = sum / static_cast<double>(rows);
  double squares = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    const double difference = input[row * width + feature] - mean;
    squares += difference * difference;
  }
  return {mean, squares / static_cast<double>(rows)};
}

void track(NodeState& state, const Statistics& batch, std::size_t rows, std::size_t feature) {
  const double momentum = state.node->number("momentum");
  const double unbiased = batch.variance * static_cast<double>(rows) / static_cast<double>(rows - 1);
  double& mean = state.tensor("running_mean").values[feature];
  double& variance = state.tensor("running_var").values[feature];
  mean = (1 - momentum) * mean + momentum * batch.mean;
  variance = (1 - momentum) * variance + momentum * unbiased;
}

Statistics statistics_of_pass(NodeState& state, const Pass& pass, std::span<const double> input, std::size_t feature) {
  if (!pass.training)
    return {state.tensor("running_mean").values[feature], state.tensor("running_var").values[feature]};
  const Statistics batch = batch_statistics(input, pass.rows, state.in_width, feature);
  track(state, batch, pass.rows, feature);
  return batch;
}

void forward(NodeState& state, const Pass& pass, Inputs inputs, std::span<double> output) {
  const std::span<const double> input = inputs[0];
  LATHE_CHECK(!pass.training || pass.rows > 1, "node {}: batch statistics of one row", state.node->name);
  const std::size_t width = state.in_width;
  const double epsilon = state.node->number("eps");
  for (std::size_t feature = 0; feature < width; ++feature) {
    const Statistics statistics = statistics_of_pass(state, pass, input, feature);
    const double inverse = 1 / std::sqrt(statistics.variance + epsilon);
    const double weight = state.tensor("weight").effective[feature];
    const double bias = state.tensor("bias").effective[feature];
    for (std::size_t row = 0; row < pass.rows; ++row)
      output[row * width + feature] = (input[row * width + feature] - statistics.mean) * inverse * weight + bias;
    if (pass.training) {
      state.saved[feature] = statistics.mean;
      state.saved[width + feature] = inverse;
    }
  }
  if (pass.training) state.tensor("num_batches_tracked").values[0] += 1;
}

// dL/dx = weight * inverse * (g - mean(g) - normalised * mean(g * normalised)); Ioffe & Szegedy 2015, section 3.
void backward_feature(NodeState& state, std::size_t rows, std::size_t feature, std::span<const double> input,
                      std::span<const double> output_gradient, std::span<double> input_gradient) {
  const std::size_t width = state.in_width;
  const double mean = state.saved[feature], inverse = state.saved[width + feature];
  double sum = 0, product = 0;
  for (std::size_t i = feature; i < rows * width; i += width) {
    sum += output_gradient[i];
    product += output_gradient[i] * (input[i] - mean) * inverse;
  }
  state.tensor("weight").gradient[feature] += product;
  state.tensor("bias").gradient[feature] += sum;
  const double scale = state.tensor("weight").effective[feature] * inverse;
  const auto count = static_cast<double>(rows);
  for (std::size_t i = feature; i < rows * width; i += width)
    input_gradient[i] += scale * (output_gradient[i] - sum / count - (input[i] - mean) * inverse * product / count);
}

void backward(NodeState& state, const Pass& pass, Inputs inputs, std::span<const double>,
              std::span<const double> output_gradient, InputGradients input_gradients) {
  const std::span<const double> input = inputs[0];
  const std::span<double> input_gradient = input_gradients[0];
  for (std::size_t feature = 0; feature < state.in_width; ++feature)
    backward_feature(state, pass.rows, feature, input, output_gradient, input_gradient);
}

std::size_t saved_size(const ir::Node& node, std::size_t) { return 2 * static_cast<std::size_t>(node.output_shape[0]); }

}  // namespace

Kernel batch_norm1d_kernel() {
  return {.op = "batch_norm1d", .forward = forward, .backward = backward, .saved_size = saved_size};
}

}  // namespace lathe::backend::ref
