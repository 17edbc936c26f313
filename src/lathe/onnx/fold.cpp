#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "lathe/base/error.h"
#include "lathe/onnx/fold_parts.h"
#include "lathe/quant/integer.h"

namespace lathe::onnx {
namespace {

std::vector<std::int64_t> list_argument(const OnnxNode& node, Inputs inputs, std::size_t index,
                                        const std::string& attribute, const std::vector<std::int64_t>& otherwise) {
  if (index < inputs.size() && inputs[index] != nullptr)
    return integer_list(*inputs[index], fmt::format("input {} of {}", index, node.label()));
  return node.integers(attribute, otherwise);
}

ConstantPtr fold_transpose(const OnnxNode& node, Inputs inputs) {
  const Constant& source = *inputs[0];
  std::vector<std::int64_t> order;
  for (std::size_t i = source.shape.size(); i-- > 0;) order.push_back(static_cast<std::int64_t>(i));
  order = node.integers("perm", order);
  if (order.size() != source.shape.size()) throw DataError("perm does not fit the rank");
  const std::vector<std::int64_t> own = signed_strides(source.shape);
  Shape shape;
  std::vector<std::int64_t> strides;
  marked_axes(order, order.size());
  for (const std::int64_t axis : order) {
    const std::size_t from = axis_index(axis, order.size());
    shape.push_back(source.shape[from]);
    strides.push_back(own[from]);
  }
  Constant result = picked(source, shape, strided_positions(shape, strides, 0, source.size()), true);
  if (const auto axis = source.format ? quant::channel_axis(*source.format) : std::nullopt)
    for (std::size_t i = 0; i < order.size(); ++i)
      if (axis_index(order[i], order.size()) == static_cast<std::size_t>(*axis))
        result.format = quant::with_axis(*source.format, static_cast<std::int64_t>(i));
  return share(std::move(result));
}

ConstantPtr fold_reshape(const OnnxNode& node, Inputs inputs) {
  const Constant& source = *inputs[0];
  Shape shape = integer_list(*inputs[1], "the shape");
  const bool keeps = node.integer("allowzero", 0) == 0;  // 0 keeps the extent
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (shape[i] == 0 && keeps && i < source.shape.size()) shape[i] = source.shape[i];
  if (std::count(shape.begin(), shape.end(), -1) > 1) throw DataError("two extents are open");
  const auto open = std::find(shape.begin(), shape.end(), -1);
  if (open != shape.end()) {
    *open = 1;
    const std::size_t known = checked_count(shape, source);
    *open = known > 0 ? static_cast<std::int64_t>(source.size() / known) : 0;
  }
  if (checked_count(shape, source) != source.size())
    throw DataError(fmt::format("{} values do not fill {}", source.size(), to_string(shape)));
  return reshaped(inputs[0], shape);
}

ConstantPtr fold_unsqueeze(const OnnxNode& node, Inputs inputs) {
  const std::vector<std::int64_t> axes = list_argument(node, inputs, 1, "axes", {});
  const std::size_t rank = inputs[0]->shape.size() + axes.size();
  const std::vector<bool> added = marked_axes(axes, rank);
  Shape shape;
  std::size_t from = 0;
  for (std::size_t i = 0; i < rank; ++i) shape.push_back(added[i] ? 1 : inputs[0]->shape[from++]);
  checked_count(shape, *inputs[0]);
  return reshaped(inputs[0], shape);
}

ConstantPtr fold_squeeze(const OnnxNode& node, Inputs inputs) {
  const Shape& from = inputs[0]->shape;
  const std::vector<std::int64_t> axes = list_argument(node, inputs, 1, "axes", {});
  std::vector<bool> removed = marked_axes(axes, from.size());
  if (axes.empty()) removed.assign(from.size(), true);
  Shape shape;
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (removed[i] && from[i] != 1 && !axes.empty()) throw DataError("a squeezed dimension is not 1");
    if (!removed[i] || from[i] != 1) shape.push_back(from[i]);
  }
  return reshaped(inputs[0], shape);
}

/// Tells whether `indices` are 0, 1, 2, ...: the first rows of a table.
bool counts_up(const std::vector<std::int64_t>& indices) {
  for (std::size_t i = 0; i < indices.size(); ++i)
    if (indices[i] != static_cast<std::int64_t>(i)) return false;
  return true;
}

ConstantPtr fold_gather(const OnnxNode& node, Inputs inputs) {
  const Constant& source = *inputs[0];
  const std::size_t axis = axis_index(node.integer("axis", 0), source.shape.size());
  const std::int64_t extent = source.shape[axis];
  std::vector<std::int64_t> indices = integer_list(*inputs[1], "the indices");
  for (std::int64_t& index : indices) {
    if (index < -extent || index >= extent) throw DataError(fmt::format("the index {} is out of range", index));
    if (index < 0) index += extent;
  }
  const Shape head(source.shape.begin(), source.shape.begin() + static_cast<std::ptrdiff_t>(axis));
  const Shape tail(source.shape.begin() + static_cast<std::ptrdiff_t>(axis) + 1, source.shape.end());
  Shape shape = head;
  shape.insert(shape.end(), inputs[1]->shape.begin(), inputs[1]->shape.end());
  shape.insert(shape.end(), tail.begin(), tail.end());
  const std::size_t count = checked_count(shape, source);
  std::vector<std::size_t> positions;
  const auto outer = static_cast<std::size_t>(element_count(head)),
             inner = static_cast<std::size_t>(element_count(tail));
  for (std::size_t o = 0; o < outer && positions.size() < count; ++o)
    for (const std::int64_t index : indices)
      for (std::size_t i = 0; i < inner; ++i)
        positions.push_back((o * static_cast<std::size_t>(extent) + static_cast<std::size_t>(index)) * inner + i);
  Constant result = picked(source, shape, positions, false);
  if (axis == 0 && source.shape.size() == 2 && counts_up(indices)) result.table = inputs[0];
  return share(std::move(result));
}

/// Holds a slice along one dimension.
struct Cut {
  std::int64_t start = 0, end = 0, step = 1;
  std::int64_t count() const {
    const std::int64_t span = step > 0 ? end - start : start - end;
    return span <= 0 ? 0 : (span + std::abs(step) - 1) / std::abs(step);
  }
};

Cut clipped(Cut cut, std::int64_t extent) {
  if (cut.step == 0 || cut.step < -extent - 1) throw DataError("the step of a slice is impossible");
  cut.step = std::min(cut.step, std::max<std::int64_t>(extent, 1));
  const std::int64_t low = cut.step > 0 ? 0 : -1, high = cut.step > 0 ? extent : extent - 1;
  const auto place = [&](std::int64_t at) {
    if (at < 0) at = at < -extent ? (cut.step > 0 ? 0 : -1) : at + extent;
    return std::clamp(at, low, high);
  };
  return {place(cut.start), place(cut.end), cut.step};
}

ConstantPtr fold_slice(const OnnxNode& node, Inputs inputs) {
  const Constant& source = *inputs[0];
  const auto starts = list_argument(node, inputs, 1, "starts", {});
  const auto ends = list_argument(node, inputs, 2, "ends", {});
  std::vector<std::int64_t> all;
  for (std::size_t i = 0; i < starts.size(); ++i) all.push_back(static_cast<std::int64_t>(i));
  const auto axes = list_argument(node, inputs, 3, "axes", all);
  const auto steps = list_argument(node, inputs, 4, "steps", std::vector<std::int64_t>(starts.size(), 1));
  if (ends.size() != starts.size() || axes.size() != starts.size() || steps.size() != starts.size())
    throw DataError("starts, ends, axes and steps have several lengths");
  marked_axes(axes, source.shape.size());
  Shape shape = source.shape;
  std::vector<std::int64_t> strides = signed_strides(source.shape);
  std::int64_t offset = 0;
  bool first_rows = source.shape.size() == 2;
  for (std::size_t i = 0; i < starts.size(); ++i) {
    const std::size_t axis = axis_index(axes[i], shape.size());
    const Cut cut = clipped({starts[i], ends[i], steps[i]}, source.shape[axis]);
    first_rows = first_rows && axis == 0 && cut.start == 0 && cut.step == 1;
    offset += cut.start * strides[axis];
    shape[axis] = cut.count();
    strides[axis] *= cut.step;
  }
  const std::size_t count = checked_count(shape, source);
  Constant result = picked(source, shape, strided_positions(shape, strides, offset, count), shape == source.shape);
  if (first_rows && !source.name.empty()) result.table = inputs[0];
  return share(std::move(result));
}

ConstantPtr fold_expand(const OnnxNode&, Inputs inputs) {
  const Constant& source = *inputs[0];
  const Shape shape = broadcast(source.shape, integer_list(*inputs[1], "the shape"));
  const std::size_t count = checked_count(shape, source);
  return share(picked(source, shape, broadcast_positions(source.shape, shape, count), shape == source.shape));
}

/// Returns the shape of what is joined. Throws DataError where the parts do not fit together.
Shape joined_shape(Inputs inputs, std::size_t axis) {
  Shape shape = inputs[0]->shape;
  shape[axis] = 0;
  for (const ConstantPtr& part : inputs) {
    if (part->shape.size() != shape.size() || part->floating != inputs[0]->floating)
      throw DataError("the concatenated constants do not fit together");
    for (std::size_t i = 0; i < shape.size(); ++i)
      if (i != axis && part->shape[i] != shape[i]) throw DataError("the concatenated shapes do not fit together");
    shape[axis] += part->shape[axis];
    if (shape[axis] > static_cast<std::int64_t>(kMaximumExtent)) refuse_size(shape);
  }
  return shape;
}

/// Counts the values that are there, each once: joining them takes no more than the file has.
std::size_t size_of_distinct(Inputs inputs) {
  std::size_t size = 0;
  std::set<const Constant*> seen;
  for (const ConstantPtr& part : inputs)
    if (seen.insert(part.get()).second) size += part->size();
  return size;
}

ConstantPtr fold_concat(const OnnxNode& node, Inputs inputs) {
  const std::size_t axis = axis_index(node.integer("axis", 0), inputs[0]->shape.size());
  Constant result = like(*inputs[0], joined_shape(inputs, axis), false);
  const std::size_t count = checked_count(result.shape, kMaximumExtent);
  if (count > std::max(kMaximumFolded, size_of_distinct(inputs)))
    throw DataError("the constants of the file become too large");
  if (count == 0) return share(std::move(result));
  const bool batch = std::any_of(inputs.begin(), inputs.end(), [](const auto& p) { return !p->times_batch.empty(); });
  const Shape head(result.shape.begin(), result.shape.begin() + static_cast<std::ptrdiff_t>(axis));
  const auto outer = static_cast<std::size_t>(element_count(head));
  for (std::size_t o = 0; o < outer; ++o) {
    for (const ConstantPtr& part : inputs) {
      const std::size_t run = part->size() / outer;
      for (std::size_t i = o * run; i < (o + 1) * run; ++i) {
        if (part->floating)
          result.floats.push_back(part->floats[i]);
        else
          result.integers.push_back(part->integers[i]);
        if (batch) result.times_batch.push_back(part->depends_on_batch(i));
      }
    }
  }
  return share(std::move(result));
}

ConstantPtr fold_range(const OnnxNode&, Inputs inputs) {
  const auto start = scalar(inputs[0]), limit = scalar(inputs[1]), step = scalar(inputs[2]);
  if (!start || !limit || !step || *step == 0) refuse_batch();
  const double count = std::max(0.0, std::ceil((*limit - *start) / *step));
  if (!(count <= static_cast<double>(kMaximumFolded))) throw DataError("the range is too long");
  Constant result = like(*inputs[0], {static_cast<std::int64_t>(count)}, false);
  for (double i = 0; i < count; ++i) {
    if (result.floating)
      result.floats.push_back(static_cast<float>(*start + i * *step));
    else
      result.integers.push_back(whole_number(*start + i * *step));
  }
  return share(std::move(result));
}

ConstantPtr fold_constant_of_shape(const OnnxNode& node, Inputs inputs) {
  const Shape shape = integer_list(*inputs[0], "the shape");
  const std::size_t count = checked_count(shape, kMaximumFolded);
  Constant result;
  result.shape = shape;
  const AttributeValue* value = node.find("value");
  const Tensor* tensor = value == nullptr ? nullptr : std::get_if<Tensor>(value);
  if (value != nullptr && (tensor == nullptr || tensor->floats.size() + tensor->integers.size() != 1))
    throw DataError("value must be a tensor of one value");
  result.floating = tensor == nullptr || is_floating(tensor->type);
  if (result.floating)
    result.floats.assign(count, tensor == nullptr ? 0.0f : tensor->floats[0]);
  else
    result.integers.assign(count, tensor->integers[0]);
  return share(std::move(result));
}

ConstantPtr fold_trilu(const OnnxNode& node, Inputs inputs) {
  Constant result = *inputs[0];
  result.name.clear();
  const std::optional<double> shift =
      inputs.size() > 1 && inputs[1] != nullptr ? scalar(inputs[1]) : std::optional<double>(0.0);
  if (result.shape.size() < 2 || !shift) throw DataError("a triangle of what is no matrix");
  const bool upper = node.integer("upper", 1) != 0;
  const auto columns = static_cast<std::size_t>(result.shape.back());
  const auto rows = static_cast<std::size_t>(result.shape[result.shape.size() - 2]);
  for (std::size_t i = 0; i < result.size(); ++i) {
    const double from_diagonal = static_cast<double>(i % columns) - static_cast<double>(i / columns % rows) - *shift;
    if (upper ? from_diagonal >= 0 : from_diagonal <= 0) continue;
    if (result.floating)
      result.floats[i] = 0;
    else
      result.integers[i] = 0;
  }
  return share(std::move(result));
}

ConstantPtr constant_node(const OnnxNode& node) {
  for (const Attribute& attribute : node.attributes) {
    if (const auto* tensor = std::get_if<Tensor>(&attribute.value)) {
      Tensor copy = *tensor;
      copy.name = node.outputs.empty() ? std::string() : node.outputs.front();
      return make_constant(std::move(copy));
    }
    Constant result;
    result.floating = attribute.name == "value_float" || attribute.name == "value_floats";
    if (const auto* number = std::get_if<float>(&attribute.value)) result.floats = {*number};
    if (const auto* integer = std::get_if<std::int64_t>(&attribute.value)) result.integers = {*integer};
    if (const auto* list = std::get_if<std::vector<float>>(&attribute.value)) result.floats = *list;
    if (const auto* list = std::get_if<std::vector<std::int64_t>>(&attribute.value)) result.integers = *list;
    if (attribute.name.ends_with("s")) result.shape = {static_cast<std::int64_t>(result.size())};
    if (attribute.name.starts_with("value_") && result.size() == static_cast<std::size_t>(element_count(result.shape)))
      return share(std::move(result));
  }
  throw DataError("a constant without a value that is read");
}

ConstantPtr fold_shape(const OnnxNode& node, Inputs inputs) {
  if (node.find("start") != nullptr || node.find("end") != nullptr) throw DataError("start and end are not read");
  return make_integers(inputs[0]->shape);
}

using Folder = ConstantPtr (*)(const OnnxNode&, Inputs);

struct Foldable {
  Folder fold;
  std::size_t obligatory;  ///< inputs that must be there
};

const std::map<std::string, Foldable>& folders() {
  static const std::map<std::string, Foldable> list = {
      {"Transpose", {fold_transpose, 1}},
      {"Reshape", {fold_reshape, 2}},
      {"Unsqueeze", {fold_unsqueeze, 1}},
      {"Squeeze", {fold_squeeze, 1}},
      {"Gather", {fold_gather, 2}},
      {"Slice", {fold_slice, 1}},
      {"Expand", {fold_expand, 2}},
      {"Concat", {fold_concat, 1}},
      {"Cast", {fold_cast, 1}},
      {"Where", {fold_where, 3}},
      {"Range", {fold_range, 3}},
      {"ConstantOfShape", {fold_constant_of_shape, 1}},
      {"Trilu", {fold_trilu, 1}},
      {"Shape", {fold_shape, 1}},
      {"Identity", {[](const OnnxNode&, Inputs inputs) { return inputs[0]; }, 1}},
  };
  return list;
}

void need(const OnnxNode& node, Inputs inputs, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    if (i >= inputs.size() || inputs[i] == nullptr) throw DataError(fmt::format("{} needs {} inputs", node.op, count));
}

ConstantPtr folded(const OnnxNode& node, Inputs inputs) {
  if (node.op == "Constant") return constant_node(node);
  if (const std::size_t operands = formula_operands(node.op); operands == 1 || (operands == 2 && inputs.size() == 2)) {
    need(node, inputs, operands);
    return fold_formula(node, inputs);
  }
  const auto found = folders().find(node.op);
  if (found == folders().end()) return nullptr;
  need(node, inputs, found->second.obligatory);
  if (node.op == "Concat") need(node, inputs, inputs.size());
  return found->second.fold(node, inputs);
}

/// Says where the numbers of a computed constant come from: the largest list that it is made of; parts of a tensor are
/// tensors of their own.
std::string source_of(const OnnxNode& node, Inputs inputs) {
  const Constant* largest = nullptr;
  for (const ConstantPtr& input : inputs)
    if (input != nullptr && input->floating && input->size() > 1 && !input->source.empty() &&
        (largest == nullptr || input->size() > largest->size()))
      largest = input.get();
  const bool part = node.op == "Slice" || node.op == "Gather";
  return largest != nullptr && !part ? largest->source : (node.outputs.empty() ? std::string() : node.outputs.front());
}

}  // namespace

ConstantPtr fold(const OnnxNode& node, Inputs inputs) {
  ConstantPtr result = folded(node, inputs);
  if (result == nullptr || !result->floating || !result->source.empty()) return result;
  Constant named = *result;
  named.source = source_of(node, inputs);
  return share(std::move(named));
}

}  // namespace lathe::onnx
