#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/onnx/converters.h"

namespace lathe::onnx {
namespace {

/// Cuts leading extents of 1 until `rank` are left.
Shape without_leading_ones(const Shape& shape, std::size_t rank) {
  std::size_t cut = 0;
  while (shape.size() - cut > rank && shape[cut] == 1) ++cut;
  return {shape.begin() + static_cast<std::ptrdiff_t>(cut), shape.end()};
}

ConstantPtr with_shape(const ConstantPtr& constant, Shape shape) {
  if (constant->shape == shape) return constant;
  Constant copy = *constant;
  copy.shape = std::move(shape);
  return std::make_shared<const Constant>(std::move(copy));
}

/// Tells whether a constant can be the bias of a node with `channels` channels: [channels] followed by `ones` ones.
bool is_bias(const Constant& constant, std::int64_t channels, std::size_t ones) {
  Shape shape = without_leading_ones(constant.shape, ones + 1);
  if (shape.size() != ones + 1 || shape.front() != channels) return false;
  return std::all_of(shape.begin() + 1, shape.end(), [](std::int64_t extent) { return extent == 1; });
}

/// Adds a bias to a linear node or convolution that has none; false where `input` is something else.
bool add_bias(GraphReader& reader, const OnnxNode& node, std::size_t input, const ConstantPtr& bias) {
  const ir::Node& before = reader.graph().nodes[input];
  const bool linear = before.op == "linear", conv = before.op == "conv1d" || before.op == "conv2d";
  if ((!linear && !conv) || before.boolean("bias")) return false;
  const std::int64_t channels = before.integer(linear ? "out_features" : "out_channels");
  if (!is_bias(*bias, channels, linear ? 0 : before.output_shape.size() - 1)) return false;
  Weights weights = reader.origins()[input].weights;
  weights.emplace_back("bias", with_shape(bias, {channels}));
  std::vector<ir::Attribute> attributes = before.attributes;
  for (ir::Attribute& attribute : attributes)
    if (attribute.name == "bias") attribute.value = true;
  reader.emit(node, before.op, std::move(attributes), before.inputs, std::move(weights));
  return true;
}

/// Adds a row to every token; false where the shapes are others.
bool add_positions(GraphReader& reader, const OnnxNode& node, std::size_t input, const ConstantPtr& rows) {
  const Shape& shape = reader.graph().nodes[input].output_shape;
  if (shape.size() != 2 || without_leading_ones(rows->shape, 2) != shape) return false;
  const ConstantPtr table =
      rows->table != nullptr && rows->table->shape.size() == 2 ? rows->table : with_shape(rows, shape);
  reader.emit(node, "position_embedding", {{"positions", table->shape[0]}, {"features", table->shape[1]}}, {input},
              {{"weight", table}});
  return true;
}

std::vector<std::size_t> all_data(const GraphReader& reader, const OnnxNode& node) {
  std::vector<std::size_t> inputs;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) inputs.push_back(reader.data(node, i));
  return inputs;
}

void keep_piece(GraphReader& reader, const OnnxNode& node) {
  const auto shape = piece_shape(reader, node);
  if (!shape) reader.refuse(node, "a constant that does not fit the value");
  reader.keep_pending(node, *shape);
}

/// Returns the index of the only constant among two inputs; nullopt where there is none.
std::optional<std::size_t> constant_operand(const GraphReader& reader, const OnnxNode& node) {
  for (std::size_t i = 0; i < node.inputs.size(); ++i)
    if (reader.constant(node, i) != nullptr) return i;
  return std::nullopt;
}

void convert_add(GraphReader& reader, const OnnxNode& node) {
  const auto operand = constant_operand(reader, node);
  if (!operand) return reader.emit(node, "add", {}, all_data(reader, node));
  if (node.inputs.size() != 2) reader.refuse(node, "a sum of values and constants");
  const ConstantPtr constant = reader.constant(node, *operand);
  const std::size_t input = reader.data(node, 1 - *operand);
  if (add_bias(reader, node, input, constant) || add_positions(reader, node, input, constant)) return;
  keep_piece(reader, node);
}

void convert_mul(GraphReader& reader, const OnnxNode& node) {
  if (constant_operand(reader, node)) return keep_piece(reader, node);
  reader.emit(node, "mul", {}, all_data(reader, node));
}

}  // namespace

const Converters& product_converters() {
  static const Converters list = {{"Add", convert_add}, {"Sum", convert_add}, {"Mul", convert_mul}};
  return list;
}

}  // namespace lathe::onnx
