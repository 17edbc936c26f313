#include "lathe/backend/torch/network.h"

#include <algorithm>
#include <utility>

#include "lathe/base/check.h"
#include "lathe/engine/dropout.h"

namespace lathe::backend::libtorch {
namespace {

at::ScalarType scalar_type(engine::Precision precision) {
  switch (precision) {
    case engine::Precision::kFloat32: return at::kFloat;
    case engine::Precision::kBFloat16: return at::kBFloat16;
    case engine::Precision::kFloat16: return at::kHalf;
  }
  return at::kFloat;
}

Tensor make_tensor(const ir::Parameter& parameter, const Place& place, bool training) {
  Tensor tensor;
  tensor.parameter = &parameter;
  const at::Device device = parameter.integral ? at::Device(at::kCPU) : place.device();
  tensor.values = at::zeros(parameter.shape, at::TensorOptions().dtype(at::kFloat).device(device));
  if (parameter.shape.size() == 4) tensor.values = tensor.values.contiguous(at::MemoryFormat::ChannelsLast);
  tensor.values.set_requires_grad(training && parameter.trainable);
  if (parameter.format)
    tensor.format = std::make_shared<const NumberFormat>(*parameter.format, parameter.shape, place.device());
  return tensor;
}

NodeState make_state(const ir::Graph& graph, std::size_t index, const Place& place, bool training) {
  const ir::Node& node = graph.nodes[index];
  NodeState state;
  state.node = &node;
  state.index = index;
  for (const std::size_t user : graph.users(index)) state.last_reader = std::max(state.last_reader, user);
  for (const ir::Parameter& parameter : node.parameters)
    state.tensors.push_back(make_tensor(parameter, place, training));
  if (node.op == "quantize")
    state.format = std::make_shared<const NumberFormat>(node.format("format"), node.output_shape, place.device());
  return state;
}

// Fills one byte per value: 1 where it is kept.
void fill_mask(const engine::DropoutMask& mask, std::int64_t rows, std::int64_t width, std::uint8_t* kept) {
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t first = 0; first < width; first += 4) {
      const auto quad = mask.keeps_quad(static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(first / 4));
      for (std::int64_t i = first; i < std::min(first + 4, width); ++i)
        kept[row * width + i] = quad[static_cast<std::size_t>(i - first)] ? 1 : 0;
    }
  }
}

}  // namespace

Network::Network(std::shared_ptr<const ir::Graph> graph, const Place& place, const engine::SessionSettings& settings)
    : graph_(std::move(graph)), place_(place), precision_(scalar_type(settings.precision)) {
  for (std::size_t i = 0; i < graph_->nodes.size(); ++i)
    nodes_.push_back(make_state(*graph_, i, place, settings.training));
}

at::Tensor Network::forward(const at::Tensor& input, bool training, const Masks& masks) {
  static const at::Tensor kNoMask;
  std::vector<at::Tensor> values(nodes_.size());
  std::vector<at::Tensor> inputs;
  values[0] = input;
  for (std::size_t i = 1; i < nodes_.size(); ++i) {
    const NodeState& state = nodes_[i];
    for (const std::size_t from : state.node->inputs) inputs.push_back(values[from]);
    const Call call{state, inputs, training, precision_, masks.empty() ? kNoMask : masks[i]};
    values[i] = find_kernel(state.node->op)(call);
    inputs.clear();
    for (const std::size_t from : state.node->inputs)
      if (nodes_[from].last_reader == i) values[from].reset();
  }
  return values.back().to(at::kFloat);
}

Masks Network::draw_masks(std::int64_t rows, std::uint64_t dropout_seed) const {
  Masks masks(nodes_.size());
  for (const NodeState& state : nodes_) {
    if (state.node->op != "dropout") continue;
    std::vector<std::int64_t> shape = {rows};
    shape.insert(shape.end(), state.node->output_shape.begin(), state.node->output_shape.end());
    const at::Tensor kept = at::empty(shape, at::TensorOptions().dtype(at::kByte).pinned_memory(place_.cuda()));
    fill_mask({dropout_seed, state.index, state.node->number("p")}, rows, element_count(state.node->output_shape),
              kept.data_ptr<std::uint8_t>());
    masks[state.index] = kept.to(place_.device(), at::kByte, true);
  }
  return masks;
}

void Network::count_batch() {
  for_each_tensor([](Tensor& tensor) {
    if (tensor.parameter->integral) tensor.values.add_(1);
  });
}

bool Network::has(std::string_view op) const {
  return std::any_of(nodes_.begin(), nodes_.end(), [&](const NodeState& state) { return state.node->op == op; });
}

}  // namespace lathe::backend::libtorch
