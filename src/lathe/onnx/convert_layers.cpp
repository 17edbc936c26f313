#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lathe/base/error.h"
#include "lathe/onnx/converters.h"
#include "lathe/onnx/numbers.h"

namespace lathe::onnx {
namespace {

ConstantPtr transposed(const ConstantPtr& matrix) {
  OnnxNode node;
  node.op = "Transpose";
  const ConstantPtr inputs[] = {matrix};
  return fold(node, inputs);
}

/// Returns the padding of a window: symmetric, explicit or none.
Shape padding_of(const GraphReader& reader, const OnnxNode& node, std::size_t dimensions, const Shape& kernel,
                 const Shape& stride, const Shape& dilation) {
  const std::string automatic = node.text("auto_pad", "NOTSET");
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
    Shape padding;
    for (std::size_t i = 0; i < dimensions; ++i) {
      if (stride[i] != 1 || kernel[i] % 2 == 0) reader.refuse(node, "auto_pad = " + automatic + " pads unevenly here");
      padding.push_back(dilation[i] * (kernel[i] / 2));
    }
    return padding;
  }
  if (automatic == "VALID") return Shape(dimensions, 0);
  const Shape pads = checked_sizes(node.integers("pads", Shape(2 * dimensions, 0)), 0, "pads");
  if (pads.size() != 2 * dimensions) throw DataError("pads does not fit the kernel");
  const Shape begin(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(dimensions));
  const Shape end(pads.begin() + static_cast<std::ptrdiff_t>(dimensions), pads.end());
  if (begin != end)
    reader.refuse(node, fmt::format("pads {} differ at the two ends; lathe pads both alike", to_string(pads)));
  return begin;
}

void convert_conv(GraphReader& reader, const OnnxNode& node) {
  const ConstantPtr weight = reader.need_constant(node, 1, "its weight");
  const ConstantPtr bias = reader.constant(node, 2);
  if (!node.input(2).empty() && bias == nullptr) reader.refuse(node, "its bias must be a constant");
  if (weight->shape.size() < 3) throw DataError("its weight has shape " + to_string(weight->shape));
  const std::size_t dimensions = weight->shape.size() - 2;
  if (dimensions > 2) reader.refuse(node, fmt::format("convolutions of {} dimensions; 1 and 2 are read", dimensions));
  const Shape kernel = checked_sizes(Shape(weight->shape.begin() + 2, weight->shape.end()), 1, "kernel_shape");
  if (node.integers("kernel_shape", kernel) != kernel) throw DataError("kernel_shape is not that of its weight");
  const Shape stride = checked_sizes(node.integers("strides", Shape(dimensions, 1)), 1, "strides");
  const Shape dilation = checked_sizes(node.integers("dilations", Shape(dimensions, 1)), 1, "dilations");
  if (stride.size() != dimensions || dilation.size() != dimensions)
    throw DataError("strides or dilations do not fit the kernel");
  const std::int64_t groups = node.integer("group", 1);
  if (groups < 1 || groups > weight->shape[0]) throw DataError(fmt::format("group = {}", groups));
  if (weight->shape[1] > (std::int64_t{1} << 40) / groups) throw DataError("its weight is too wide");
  reader.emit(node, fmt::format("conv{}d", dimensions),
              {{"in_channels", weight->shape[1] * groups},
               {"out_channels", weight->shape[0]},
               {"kernel_size", kernel},
               {"stride", stride},
               {"padding", padding_of(reader, node, dimensions, kernel, stride, dilation)},
               {"dilation", dilation},
               {"groups", groups},
               {"bias", bias != nullptr}},
              {reader.data(node, 0)}, {{"weight", weight}, {"bias", bias}});
}

/// Adds a linear node; `weight` is [out, in].
void emit_linear(GraphReader& reader, const OnnxNode& node, std::size_t input, const ConstantPtr& weight,
                 const ConstantPtr& bias) {
  reader.emit(node, "linear",
              {{"in_features", weight->shape[1]}, {"out_features", weight->shape[0]}, {"bias", bias != nullptr}},
              {input}, {{"weight", weight}, {"bias", bias}});
}

void convert_gemm(GraphReader& reader, const OnnxNode& node) {
  ConstantPtr weight = reader.need_constant(node, 1, "its second input");
  const ConstantPtr bias = node.input(2).empty() ? nullptr : reader.need_constant(node, 2, "its third input");
  if (node.number("alpha", 1) != 1 || (bias != nullptr && node.number("beta", 1) != 1) ||
      node.integer("transA", 0) != 0)
    reader.refuse(node, "only alpha = beta = 1 and transA = 0 are read");
  if (weight->shape.size() != 2) throw DataError("its weight has shape " + to_string(weight->shape));
  if (node.integer("transB", 0) == 0) weight = transposed(weight);
  emit_linear(reader, node, reader.data(node, 0), weight, bias);
}

/// Multiplies two values; a transposition of the second one belongs to our op.
void emit_product(GraphReader& reader, const OnnxNode& node) {
  const std::size_t first = reader.data(node, 0), second = reader.data(node, 1);
  const ir::Node& before = reader.graph().nodes[second];
  Shape swapped(reader.shape(node, 1).size());
  std::iota(swapped.begin(), swapped.end(), 0);
  if (swapped.size() >= 2) std::swap(swapped[swapped.size() - 1], swapped[swapped.size() - 2]);
  if (before.op != "permute" || before.integers("dims") != swapped)
    return reader.emit(node, "matmul", {}, {first, second});
  const std::size_t source = before.inputs[0];
  reader.emit(node, "matmul", {{"transpose_b", true}}, {first, source});
}

void convert_matmul(GraphReader& reader, const OnnxNode& node) {
  const ConstantPtr weight = reader.constant(node, 1);
  if (weight == nullptr) return emit_product(reader, node);
  if (weight->shape.size() != 2)
    reader.refuse(node, fmt::format("a constant of shape {} as a factor; a matrix is read", to_string(weight->shape)));
  emit_linear(reader, node, reader.data(node, 0), transposed(weight), nullptr);
}

void convert_batch_norm(GraphReader& reader, const OnnxNode& node) {
  Weights weights;
  static constexpr const char* kNames[] = {"weight", "bias", "running_mean", "running_var"};
  for (std::size_t i = 0; i < 4; ++i)
    weights.emplace_back(kNames[i], reader.need_constant(node, i + 1, std::string("its ") + kNames[i]));
  const std::size_t rank = reader.shape(node, 0).size();
  if (rank < 1 || rank > 3) reader.refuse(node, fmt::format("values of {} dimensions", rank));
  reader.emit(node, rank == 3 ? "batch_norm2d" : "batch_norm1d",
              {{"num_features", reader.shape(node, 0).front()},
               {"eps", shortest(node.number("epsilon", 1e-5f))},
               {"momentum", shortest(1.0f - node.number("momentum", 0.9f), 6)}},
              {reader.data(node, 0)}, std::move(weights));
}

void convert_layer_norm(GraphReader& reader, const OnnxNode& node) {
  const Shape& shape = reader.shape(node, 0);
  const std::size_t axis = axis_index(node.integer("axis", -1), shape.size() + 1);
  if (axis != shape.size()) reader.refuse(node, "lathe normalises the last dimension alone");
  const ConstantPtr weight = reader.need_constant(node, 1, "its scale");
  const ConstantPtr bias = reader.need_constant(node, 2, "its bias");
  reader.emit(node, "layer_norm",
              {{"normalized_shape", shape.back()}, {"eps", shortest(node.number("epsilon", 1e-5f))}},
              {reader.data(node, 0)}, {{"weight", weight}, {"bias", bias}});
}

/// Reads the rows that tokens name.
void convert_gather(GraphReader& reader, const OnnxNode& node) {
  const ConstantPtr table = reader.need_constant(node, 0, "its table");
  if (table->shape.size() != 2 || node.integer("axis", 0) != 0)
    reader.refuse(node, "rows of a table [tokens, features] are read (embedding), nothing else");
  reader.emit(node, "embedding", {{"num_embeddings", table->shape[0]}, {"embedding_dim", table->shape[1]}},
              {reader.data(node, 1)}, {{"weight", table}});
}

void convert_dropout(GraphReader& reader, const OnnxNode& node) {
  double ratio = shortest(node.number("ratio", 0.5f));
  if (const ConstantPtr given = reader.constant(node, 1)) {
    if (const auto value = scalar(given)) ratio = shortest(static_cast<float>(*value));
  }
  reader.emit(node, "dropout", {{"p", ratio}}, {reader.data(node, 0)});
}

void convert_identity(GraphReader& reader, const OnnxNode& node) {
  reader.emit(node, "identity", {}, {reader.data(node, 0)});
}

/// Passes casts that leave the meaning: tokens to integers, values to float.
void convert_cast(GraphReader& reader, const OnnxNode& node) {
  const auto to = static_cast<ElementType>(node.integer("to", 1));
  const bool first = reader.data(node, 0) == 0;
  const bool whole = to == ElementType::kInt64 || to == ElementType::kInt32;
  if (to != ElementType::kFloat && !(whole && first))
    reader.refuse(node, "a cast of values to this type; float, and whole numbers for the network's input, are read");
  reader.alias(node, node.input(0));
}

}  // namespace

const Converters& layer_converters() {
  static const Converters list = {
      {"Conv", convert_conv},
      {"Gemm", convert_gemm},
      {"MatMul", convert_matmul},
      {"BatchNormalization", convert_batch_norm},
      {"LayerNormalization", convert_layer_norm},
      {"Gather", convert_gather},
      {"Dropout", convert_dropout},
      {"Identity", convert_identity},
      {"Cast", convert_cast},
  };
  return list;
}

}  // namespace lathe::onnx
