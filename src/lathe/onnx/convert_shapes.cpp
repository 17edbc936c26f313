#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "lathe/base/error.h"
#include "lathe/onnx/converters.h"

namespace lathe::onnx {
namespace {

/// Tells whether the first entry of a Reshape's target can be the batch.
bool is_batch(const GraphReader& reader, const Constant& target) {
  if (target.depends_on_batch(0)) return target.integers[0] == 1;
  const std::int64_t first = target.integers[0];
  return first == 0 || first == -1 || (reader.fixed_batch() > 0 && first == reader.fixed_batch());
}

/// Adds the node that gives a value its new per-sample shape: none, flatten or reshape.
void emit_shape(GraphReader& reader, const OnnxNode& node, const Shape& target) {
  const std::size_t input = reader.data(node, 0);
  if (target == reader.shape(node, 0)) return reader.alias(node, node.input(0));
  if (target.size() == 1) return reader.emit(node, "flatten", {}, {input});
  if (target.empty()) reader.refuse(node, "a value without dimensions beside the batch");
  reader.emit(node, "reshape", {{"shape", target}}, {input});
}

void convert_reshape(GraphReader& reader, const OnnxNode& node) {
  emit_shape(reader, node, reshape_target(reader, node));
}

void convert_flatten(GraphReader& reader, const OnnxNode& node) {
  const Shape& shape = reader.shape(node, 0);
  if (axis_index(node.integer("axis", 1), shape.size() + 1) != 1)
    reader.refuse(node, "flattening that keeps more than the batch");
  reader.emit(node, "flatten", {}, {reader.data(node, 0)});
}

std::vector<std::int64_t> axes_of(const GraphReader& reader, const OnnxNode& node) {
  if (const ConstantPtr axes = reader.constant(node, 1)) return integer_list(*axes, "axes");
  return node.integers("axes", {});
}

void convert_squeeze(GraphReader& reader, const OnnxNode& node) {
  const Shape& shape = reader.shape(node, 0);
  const std::vector<std::int64_t> axes = axes_of(reader, node);
  std::vector<bool> removed = marked_axes(axes, shape.size() + 1);
  if (axes.empty()) removed.assign(removed.size(), true);
  if (removed[0]) reader.refuse(node, "the batch dimension must stay");
  Shape target;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (removed[i + 1] && shape[i] != 1) throw DataError("a squeezed dimension is not 1");
    if (!removed[i + 1]) target.push_back(shape[i]);
  }
  emit_shape(reader, node, target);
}

void convert_unsqueeze(GraphReader& reader, const OnnxNode& node) {
  const Shape& shape = reader.shape(node, 0);
  const std::vector<std::int64_t> axes = axes_of(reader, node);
  const std::vector<bool> added = marked_axes(axes, shape.size() + 1 + axes.size());
  if (added[0]) reader.refuse(node, "the batch dimension must stay the first");
  Shape target;
  std::size_t from = 0;
  for (std::size_t i = 1; i < added.size(); ++i) target.push_back(added[i] ? 1 : shape[from++]);
  emit_shape(reader, node, target);
}

void convert_transpose(GraphReader& reader, const OnnxNode& node) {
  const std::size_t rank = reader.shape(node, 0).size() + 1;
  Shape reversed(rank);
  std::iota(reversed.rbegin(), reversed.rend(), 0);
  const Shape order = node.integers("perm", reversed);
  if (order.size() != rank) throw DataError("perm does not fit the rank");
  marked_axes(order, rank);
  if (axis_index(order[0], rank) != 0) reader.refuse(node, "the batch dimension must stay the first");
  Shape dims;
  for (std::size_t i = 1; i < rank; ++i) dims.push_back(static_cast<std::int64_t>(axis_index(order[i], rank)) - 1);
  reader.emit(node, "permute", {{"dims", dims}}, {reader.data(node, 0)});
}

void convert_concat(GraphReader& reader, const OnnxNode& node) {
  const std::size_t rank = reader.shape(node, 0).size() + 1;
  const std::size_t axis = axis_index(node.integer("axis", 1), rank);
  const std::size_t channels = rank == 3 ? 2 : 1;  // [batch, tokens, features], else [batch, channels, ...]
  if (axis != channels) reader.refuse(node, fmt::format("joining along dimension {}; channels are joined", axis));
  std::vector<std::size_t> inputs;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) inputs.push_back(reader.data(node, i));
  reader.emit(node, "concat", {}, std::move(inputs));
}

}  // namespace

Shape reshape_target(const GraphReader& reader, const OnnxNode& node) {
  const ConstantPtr target = reader.need_constant(node, 1, "its shape");
  const Shape& from = reader.shape(node, 0);
  if (target->floating || target->integers.empty() || target->shape.size() != 1)
    throw DataError("its shape is no list");
  if (!is_batch(reader, *target)) reader.refuse(node, "the batch must stay a dimension of its own, the first");
  Shape shape;
  std::int64_t known = 1;
  const std::int64_t total = element_count(from);
  for (std::size_t i = 1; i < target->integers.size(); ++i) {
    std::int64_t extent = target->integers[i];
    if (target->depends_on_batch(i)) reader.refuse(node, "the batch must stay the first dimension");
    if (extent == 0 && i <= from.size() && node.integer("allowzero", 0) == 0) extent = from[i - 1];
    if (extent < -1 || extent == 0 || extent > total)
      throw DataError(fmt::format("the extent {} is impossible", extent));
    if (extent > 0 && known > total / extent) throw DataError("its shape has more values than its input");
    if (extent > 0) known *= extent;
    shape.push_back(extent);
  }
  const bool first_is_open = target->integers[0] == -1 && !target->depends_on_batch(0);
  if (std::count(shape.begin(), shape.end(), -1) + (first_is_open ? 1 : 0) > 1) throw DataError("two extents are open");
  for (std::int64_t& extent : shape) {
    if (extent != -1) continue;
    extent = total / known;
    known *= extent;
  }
  if (known != total)
    reader.refuse(
        node, fmt::format("{} values of a sample become {}: the batch must stay a dimension of its own", total, known));
  return shape;
}

const Converters& shape_converters() {
  static const Converters list = {
      {"Reshape", convert_reshape},     {"Flatten", convert_flatten},     {"Squeeze", convert_squeeze},
      {"Unsqueeze", convert_unsqueeze}, {"Transpose", convert_transpose}, {"Concat", convert_concat},
  };
  return list;
}

}  // namespace lathe::onnx
