#include <algorithm>
#include <set>

#include "lathe/base/error.h"
#include "lathe/onnx/converters.h"

namespace lathe::onnx {
namespace {

/// Ops that compute value by value.
bool is_elementwise(const std::string& op) {
  static const std::set<std::string> list = {
      "Add",  "Sub",  "Mul",  "Div",     "Pow",        "Sqrt",        "Erf",  "Neg",         "Exp",
      "Log",  "Abs",  "Min",  "Max",     "Reciprocal", "Where",       "Less", "LessOrEqual", "And",
      "Clip", "Cast", "Tanh", "Sigmoid", "Softplus",   "HardSigmoid", "Relu", "Dropout",     "Identity"};
  return list.contains(op);
}

/// Returns a value's shape with 1 for the batch; a constant's as it is.
Shape full_shape(const Value& value) {
  if (value.constant != nullptr) return value.constant->shape;
  Shape shape = {1};
  shape.insert(shape.end(), value.shape.begin(), value.shape.end());
  return shape;
}

std::optional<Shape> elementwise_shape(const GraphReader& reader, const OnnxNode& node) {
  Shape result;
  std::size_t rank = 0;
  for (const std::string& name : node.inputs) {
    if (name.empty()) continue;
    const Value& value = reader.value(name);
    result = broadcast(result, full_shape(value));
    if (value.constant != nullptr) continue;
    if (rank != 0 && rank != value.shape.size() + 1) return std::nullopt;
    rank = value.shape.size() + 1;
  }
  if (rank == 0 || result.size() != rank || result.front() != 1) return std::nullopt;
  return Shape(result.begin() + 1, result.end());
}

std::optional<Shape> product_shape(const GraphReader& reader, const OnnxNode& node) {
  const Value &a = reader.value(node.input(0)), &b = reader.value(node.input(1));
  if (a.constant != nullptr || b.constant != nullptr || a.shape.size() < 2 || a.shape.size() != b.shape.size())
    return std::nullopt;
  const std::size_t rank = a.shape.size();
  if (!std::equal(a.shape.begin(), a.shape.end() - 2, b.shape.begin()) || a.shape[rank - 1] != b.shape[rank - 2])
    return std::nullopt;
  Shape shape = a.shape;
  shape.back() = b.shape.back();
  return shape;
}

std::optional<Shape> transposed_shape(const GraphReader& reader, const OnnxNode& node) {
  const Shape& from = reader.shape(node, 0);
  const Shape order = node.integers("perm", {});
  if (order.size() != from.size() + 1 || order.front() != 0) return std::nullopt;
  Shape shape;
  std::set<std::size_t> seen;
  for (std::size_t i = 1; i < order.size(); ++i) {
    const std::size_t axis = axis_index(order[i], order.size());
    if (axis == 0 || !seen.insert(axis).second) return std::nullopt;
    shape.push_back(from[axis - 1]);
  }
  return shape;
}

/// The mean over the last dimension, which stays as 1 (layer norm).
std::optional<Shape> mean_shape(const GraphReader& reader, const OnnxNode& node) {
  Shape shape = reader.shape(node, 0);
  std::vector<std::int64_t> axes = node.integers("axes", {});
  if (const ConstantPtr given = reader.constant(node, 1)) axes = integer_list(*given, "axes");
  if (shape.empty() || axes.size() != 1 || node.integer("keepdims", 1) == 0 ||
      axis_index(axes[0], shape.size() + 1) != shape.size())
    return std::nullopt;
  shape.back() = 1;
  return shape;
}

}  // namespace

std::optional<Shape> piece_shape(const GraphReader& reader, const OnnxNode& node) {
  if (node.inputs.empty() || node.input(0).empty()) return std::nullopt;
  if (is_elementwise(node.op)) return elementwise_shape(reader, node);
  if (node.op == "MatMul") return product_shape(reader, node);
  if (reader.constant(node, 0) != nullptr) return std::nullopt;
  if (node.op == "Softmax") return reader.shape(node, 0);
  if (node.op == "Transpose") return transposed_shape(reader, node);
  if (node.op == "Reshape") return reshape_target(reader, node);
  if (node.op == "ReduceMean") return mean_shape(reader, node);
  return std::nullopt;
}

}  // namespace lathe::onnx
