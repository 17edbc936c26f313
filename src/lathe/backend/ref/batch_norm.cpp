#include <cmath>

#include "lathe/backend/ref/kernel.h"
#include "lathe/base/check.h"

namespace lathe::backend::ref {
namespace {

// A training pass saves mean [channels] and 1 / sqrt(variance + eps) [channels].
struct Statistics {
  double mean = 0;
  double variance = 0;  // of the population
};

// Values are [rows, channels, positions]; plain features have one position.
struct Layout {
  std::size_t rows, channels, positions;

  Layout(const NodeState& state, const Pass& pass)
      : rows(pass.rows),
        channels(static_cast<std::size_t>(state.in_shapes[0][0])),
        positions(state.in_width / channels) {}

  double count() const { return static_cast<double>(rows * positions); }
  template <typename Visit>
  void for_each_value(std::size_t channel, Visit visit) const {
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t k = 0; k < positions; ++k) visit((row * channels + channel) * positions + k);
  }
};

Statistics batch_statistics(std::span<const double> input, const Layout& layout, std::size_t channel) {
  double sum = 0, squares = 0;
  layout.for_each_value(channel, [&](std::size_t i) { sum += input[i]; });
  const double mean = sum / layout.count();
  layout.for_each_value(channel, [&](std::size_t i) { squares += (input[i] - mean) * (input[i] - mean); });
  return {mean, squares / layout.count()};
}

void track(NodeState& state, const Statistics& batch, double count, std::size_t channel) {
  const double momentum = state.node->number("momentum");
  const double unbiased = batch.variance * count / (count - 1);
  double& mean = state.tensor("running_mean").values[channel];
  double& variance = state.tensor("running_var").values[channel];
  mean = (1 - momentum) * mean + momentum * batch.mean;
  variance = (1 - momentum) * variance + momentum * unbiased;
}

Statistics statistics_of_pass(NodeState& state, const Pass& pass, std::span<const double> input, const Layout& layout,
                              std::size_t channel) {
  if (!pass.training)
    return {state.tensor("running_mean").values[channel], state.tensor("running_var").values[channel]};
  const Statistics batch = batch_statistics(input, layout, channel);
  track(state, batch, layout.count(), channel);
  return batch;
}

void forward(NodeState& state, const Pass& pass, Inputs inputs, std::span<double> output) {
  const std::span<const double> input = inputs[0];
  const Layout layout(state, pass);
  LATHE_CHECK(!pass.training || layout.count() > 1, "node {}: batch statistics of one value", state.node->name);
  const double epsilon = state.node->number("eps");
  for (std::size_t channel = 0; channel < layout.channels; ++channel) {
    const Statistics statistics = statistics_of_pass(state, pass, input, layout, channel);
    const double inverse = 1 / std::sqrt(statistics.variance + epsilon);
    const double weight = state.tensor("weight").effective[channel];
    const double bias = state.tensor("bias").effective[channel];
    layout.for_each_value(channel,
                          [&](std::size_t i) { output[i] = (input[i] - statistics.mean) * inverse * weight + bias; });
    if (pass.training) {
      state.saved[channel] = statistics.mean;
      state.saved[layout.channels + channel] = inverse;
    }
  }
  if (pass.training) state.tensor("num_batches_tracked").values[0] += 1;
}

// dL/dx = weight * inverse * (g - mean(g) - normalised * mean(g * normalised)); Ioffe & Szegedy 2015, section 3.
void backward_channel(NodeState& state, const Layout& layout, std::size_t channel, std::span<const double> input,
                      std::span<const double> output_gradient, std::span<double> input_gradient) {
  const double mean = state.saved[channel], inverse = state.saved[layout.channels + channel];
  double sum = 0, product = 0;
  layout.for_each_value(channel, [&](std::size_t i) {
    sum += output_gradient[i];
    product += output_gradient[i] * (input[i] - mean) * inverse;
  });
  state.tensor("weight").gradient[channel] += product;
  state.tensor("bias").gradient[channel] += sum;
  const double scale = state.tensor("weight").effective[channel] * inverse;
  const double count = layout.count();
  layout.for_each_value(channel, [&](std::size_t i) {
    input_gradient[i] += scale * (output_gradient[i] - sum / count - (input[i] - mean) * inverse * product / count);
  });
}

void backward(NodeState& state, const Pass& pass, Inputs inputs, std::span<const double>,
              std::span<const double> output_gradient, InputGradients input_gradients) {
  const Layout layout(state, pass);
  for (std::size_t channel = 0; channel < layout.channels; ++channel)
    backward_channel(state, layout, channel, inputs[0], output_gradient, input_gradients[0]);
}

std::size_t saved_size(const ir::Node& node, std::size_t) { return 2 * static_cast<std::size_t>(node.output_shape[0]); }

}  // namespace

Kernel batch_norm_kernel(const char* op) {
  return {.op = op, .forward = forward, .backward = backward, .saved_size = saved_size};
}

}  // namespace lathe::backend::ref
