#include "lathe/backend/ref/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "lathe/backend/ref/optimizer.h"
#include "lathe/base/check.h"
#include "lathe/engine/state_layout.h"
#include "lathe/ir/op.h"

namespace lathe::backend::ref {
namespace {

std::size_t width_of(const ir::Node& node) { return static_cast<std::size_t>(element_count(node.output_shape)); }

std::size_t saved_size(const ir::Node& node, std::size_t rows) {
  const Kernel* kernel = find_kernel(node.op);
  return kernel == nullptr || kernel->saved_size == nullptr ? 0 : kernel->saved_size(node, rows);
}

Tensor make_tensor(const ir::Parameter& parameter, bool training) {
  const auto size = static_cast<std::size_t>(element_count(parameter.shape));
  Tensor tensor;
  tensor.parameter = &parameter;
  tensor.values.resize(size);
  tensor.effective.resize(size);
  if (parameter.format) tensor.quantizer = quant::make_quantizer(*parameter.format);
  if (!training || !parameter.trainable) return tensor;
  for (auto* values : {&tensor.gradient, &tensor.moment1, &tensor.moment2}) values->resize(size);
  return tensor;
}

NodeState make_node_state(const ir::Graph& graph, std::size_t index, bool training) {
  const ir::Node& node = graph.nodes[index];
  NodeState state;
  state.node = &node;
  state.index = index;
  state.in_width = node.inputs.empty() ? 0 : width_of(graph.nodes[node.inputs[0]]);
  state.out_width = width_of(node);
  state.in_shapes = ir::input_shapes(graph, node);
  for (const ir::Parameter& parameter : node.parameters) state.tensors.push_back(make_tensor(parameter, training));
  if (node.op == "quantize") state.quantizer = quant::make_quantizer(node.format("format"));
  return state;
}

// Calls `visit(tensor)` for every tensor in the order of the state.
template <typename Nodes, typename Visit>
void for_each_tensor(Nodes& nodes, Visit visit) {
  for (auto& node : nodes)
    for (auto& tensor : node.tensors) visit(tensor);
}

// Turns the gradient of a tensor's effective values into that of its values.
void pass_gradient(const Tensor& tensor, std::vector<double>& gradient) {
  if (tensor.quantizer == nullptr) return;
  tensor.quantizer->pass_gradient(
      quant::TensorView<const double>::parameter(tensor.values.data(), tensor.parameter->shape),
      quant::TensorView<double>::parameter(gradient.data(), tensor.parameter->shape));
}

std::vector<float> to_floats(const std::vector<double>& values) { return {values.begin(), values.end()}; }

}  // namespace

RefSession::RefSession(std::shared_ptr<const ir::Graph> graph, const engine::SessionSettings& settings)
    : graph_(std::move(graph)),
      predictions_(*graph_, settings.loss),
      loss_kernel_(find_loss_kernel(settings.loss.name)),
      training_(settings.training),
      batch_size_(static_cast<std::size_t>(std::max<std::int64_t>(settings.batch_size, 1))) {
  LATHE_CHECK(loss_kernel_ != nullptr, "loss {} has no reference kernel", settings.loss.name);
  for (std::size_t i = 0; i < graph_->nodes.size(); ++i) nodes_.push_back(make_node_state(*graph_, i, training_));
  values_.resize(nodes_.size());
  gradients_.resize(nodes_.size());
  resize(batch_size_);
}

std::int64_t RefSession::bytes(const ir::Graph& graph, const engine::SessionSettings& settings) {
  const auto rows = static_cast<std::size_t>(std::max<std::int64_t>(settings.batch_size, 1));
  std::size_t numbers = 0;
  for (const ir::Node& node : graph.nodes) {
    for (const ir::Parameter& parameter : node.parameters)
      numbers +=
          static_cast<std::size_t>(element_count(parameter.shape)) * (settings.training && parameter.trainable ? 5 : 2);
    numbers += rows * width_of(node) * (settings.training ? 2 : 1);
    if (settings.training) numbers += saved_size(node, rows);
  }
  return static_cast<std::int64_t>(numbers * sizeof(double));
}

void RefSession::resize(std::size_t rows) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    values_[i].resize(rows * nodes_[i].out_width);
    if (!training_) continue;
    gradients_[i].resize(rows * nodes_[i].out_width);
    nodes_[i].saved.resize(saved_size(graph_->nodes[i], rows));
  }
}

void RefSession::load(const engine::State& state) {
  std::size_t next = 0;
  for_each_tensor(nodes_, [&](Tensor& tensor) {
    const std::vector<float>& values = state.at(next++).values;
    LATHE_CHECK_EQ(values.size(), tensor.values.size());
    tensor.values.assign(values.begin(), values.end());
  });
  LATHE_CHECK_EQ(next, state.size());
}

// Values of buffers are copied or left zero.
engine::State RefSession::copy_out(TensorValues values, bool buffers) const {
  engine::State state = engine::zero_state(*graph_);
  std::size_t next = 0;
  for_each_tensor(nodes_, [&](const Tensor& tensor) {
    engine::NamedTensor& target = state[next++];
    if (tensor.parameter->trainable || buffers) target.values = to_floats(tensor.*values);
  });
  return state;
}

engine::State RefSession::state() const { return copy_out(&Tensor::values, true); }

engine::State RefSession::gradients() const {
  LATHE_CHECK(training_, "the session is for evaluation only");
  engine::State state = copy_out(&Tensor::gradient, false);
  std::size_t next = 0;
  for_each_tensor(nodes_, [&](const Tensor& tensor) {
    std::vector<float>& values = state[next++].values;
    if (tensor.gradient.empty()) return;
    std::vector<double> gradient = tensor.gradient;
    pass_gradient(tensor, gradient);
    values = to_floats(gradient);
  });
  return state;
}

void RefSession::set_optimizer(const engine::OptimizerSettings& settings) {
  LATHE_CHECK(training_, "the session is for evaluation only");
  rule_.set(settings);
  for_each_tensor(nodes_, [](Tensor& tensor) {
    for (auto* values : {&tensor.gradient, &tensor.moment1, &tensor.moment2})
      std::fill(values->begin(), values->end(), 0.0);
  });
}

engine::State RefSession::optimizer_state() const {
  std::vector<const Tensor*> tensors;
  for_each_tensor(nodes_, [&](const Tensor& tensor) { tensors.push_back(&tensor); });
  return rule_.save(engine::state_layout(*graph_), [&](const engine::MomentPlace& place, std::vector<float>& values) {
    values = to_floats(tensors[place.tensor]->*kMoments.at(place.moment));
  });
}

void RefSession::load_optimizer_state(const engine::State& state) {
  std::vector<Tensor*> tensors;
  for_each_tensor(nodes_, [&](Tensor& tensor) { tensors.push_back(&tensor); });
  rule_.load(state, engine::state_layout(*graph_),
             [&](const engine::MomentPlace& place, const std::vector<float>& values) {
               (tensors[place.tensor]->*kMoments.at(place.moment)).assign(values.begin(), values.end());
             });
}

void RefSession::quantize_tensors() {
  for_each_tensor(nodes_, [](Tensor& tensor) {
    if (tensor.quantizer == nullptr)
      tensor.effective = tensor.values;
    else
      tensor.quantizer->quantize(std::span<const double>(tensor.values), std::span<double>(tensor.effective),
                                 tensor.parameter->shape);
  });
}

void RefSession::load_rows(const data::Samples& samples, std::span<const std::uint32_t> rows) {
  const std::size_t width = nodes_[0].out_width;
  LATHE_CHECK_EQ(static_cast<std::size_t>(samples.width), width);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    LATHE_CHECK(static_cast<std::int64_t>(rows[i]) < samples.rows(), "row {} of {}", rows[i], samples.rows());
    std::copy_n(samples.features.data() + rows[i] * width, width, values_[0].data() + i * width);
  }
}

Inputs RefSession::inputs_of(const NodeState& node, std::size_t rows) {
  inputs_.clear();
  for (const std::size_t input : node.node->inputs)
    inputs_.emplace_back(values_[input].data(), rows * nodes_[input].out_width);
  return inputs_;
}

void RefSession::forward(const Pass& pass) {
  quantize_tensors();
  for (std::size_t i = 1; i < nodes_.size(); ++i) {
    NodeState& node = nodes_[i];
    find_kernel(node.node->op)
        ->forward(node, pass, inputs_of(node, pass.rows), {values_[i].data(), pass.rows * node.out_width});
  }
}

// The gradients of the logits stand in the last node's place; all others must be 0.
void RefSession::backward(const Pass& pass) {
  for (std::size_t i = nodes_.size() - 1; i > 0; --i) {
    NodeState& node = nodes_[i];
    const std::size_t size = pass.rows * node.out_width;
    const Inputs inputs = inputs_of(node, pass.rows);
    input_gradients_.clear();
    for (std::size_t k = 0; k < inputs.size(); ++k)
      input_gradients_.emplace_back(gradients_[node.node->inputs[k]].data(), inputs[k].size());
    find_kernel(node.node->op)
        ->backward(node, pass, inputs, {values_[i].data(), size}, {gradients_[i].data(), size}, input_gradients_);
  }
}

std::span<const double> RefSession::logits(std::size_t prediction) const {
  return {values_.back().data() + prediction * predictions_.outputs(), predictions_.outputs()};
}

engine::BatchResult RefSession::accumulate(const data::Samples& samples, std::span<const std::uint32_t> rows,
                                           double loss_scale, std::uint64_t dropout_seed) {
  LATHE_CHECK(training_, "the session is for evaluation only");
  if (rows.empty()) return {};
  predictions_.check(samples);
  if (rows.size() * nodes_[0].out_width > values_[0].size()) resize(rows.size());
  load_rows(samples, rows);
  const Pass pass{.rows = rows.size(), .training = true, .dropout_seed = dropout_seed};
  forward(pass);
  for (auto& gradient : gradients_) std::fill(gradient.begin(), gradient.end(), 0.0);
  engine::BatchResult result;
  const engine::LossSettings& loss = predictions_.loss();
  const std::size_t positions = predictions_.positions(), outputs = predictions_.outputs();
  for (std::size_t i = 0; i < rows.size() * positions; ++i) {
    const Truth expected = predictions_.truth(samples, rows[i / positions], i % positions);
    const std::span<const double> predicted = logits(i);
    predictions_.add(expected, predicted, loss_kernel_->value(loss, expected, predicted), result);
    loss_kernel_->gradient(loss, expected, predicted, loss_scale, {gradients_.back().data() + i * outputs, outputs});
  }
  backward(pass);
  return result;
}

void RefSession::update(double learning_rate) {
  LATHE_CHECK(training_, "the session is for evaluation only");
  const engine::OptimizerStep& step = rule_.next(learning_rate);
  for_each_tensor(nodes_, [&](Tensor& tensor) {
    if (!tensor.parameter->trainable) return;
    pass_gradient(tensor, tensor.gradient);
    apply_update(rule_.declaration(), rule_.settings(), step, tensor);
    std::fill(tensor.gradient.begin(), tensor.gradient.end(), 0.0);
  });
}

template <typename Use>
void RefSession::for_each_prediction(const data::Samples& samples, std::int64_t first, std::int64_t count, Use use) {
  engine::check_range(samples, first, count);
  const std::size_t positions = predictions_.positions();
  std::vector<std::uint32_t> rows(batch_size_);
  for (std::size_t begin = 0; begin < static_cast<std::size_t>(count); begin += batch_size_) {
    rows.resize(std::min(batch_size_, static_cast<std::size_t>(count) - begin));
    std::iota(rows.begin(), rows.end(), static_cast<std::uint32_t>(static_cast<std::size_t>(first) + begin));
    load_rows(samples, rows);
    forward({.rows = rows.size()});
    for (std::size_t i = 0; i < rows.size() * positions; ++i) use(rows[i / positions], i % positions, logits(i));
  }
}

engine::EvaluationResult RefSession::evaluate(const data::Samples& samples, std::int64_t first, std::int64_t count) {
  predictions_.check(samples);
  engine::EvaluationTally tally(predictions_, samples, first, count);
  for_each_prediction(samples, first, count,
                      [&](std::size_t row, std::size_t position, std::span<const double> values) {
                        const Truth expected = predictions_.truth(samples, row, position);
                        tally.add(expected, values, loss_kernel_->value(predictions_.loss(), expected, values));
                      });
  return tally.finish();
}

void RefSession::predict(const data::Samples& samples, std::int64_t first, std::int64_t count,
                         std::span<float> outputs) {
  LATHE_CHECK_EQ(outputs.size(), static_cast<std::size_t>(count) * nodes_.back().out_width);
  auto next = outputs.begin();
  for_each_prediction(samples, first, count, [&](std::size_t, std::size_t, std::span<const double> values) {
    for (const double value : values) *next++ = static_cast<float>(value);
  });
}

}  // namespace lathe::backend::ref
