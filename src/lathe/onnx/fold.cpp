#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "lathe/base/error.h"
#include "lathe/onnx/constant.h"

namespace lathe::onnx {
namespace {

constexpr std::size_t kMaximumFolded = std::size_t{1} << 24;  ///< values that no input had
constexpr std::size_t kMaximumExtent = std::size_t{1} << 40;  ///< of all dimensions together
constexpr std::size_t kMaximumRank = 64;

using Inputs = std::span<const ConstantPtr>;

[[noreturn]] void refuse_size(const Shape& shape) {
  throw DataError(fmt::format("a computed constant of shape {} is too large or impossible", to_string(shape)));
}

/// Multiplies the extents; refuses negative ones, what is larger than `most` values, and what would be without an
/// extent of 0.
std::size_t checked_count(const Shape& shape, std::size_t most) {
  std::size_t count = 1;
  bool empty = false;
  for (const std::int64_t extent : shape) {
    empty = empty || extent == 0;
    if (extent < 0 || (extent > 0 && count > kMaximumExtent / static_cast<std::size_t>(extent))) refuse_size(shape);
    if (extent > 0) count *= static_cast<std::size_t>(extent);
  }
  if ((!empty && count > most) || shape.size() > kMaximumRank) refuse_size(shape);
  return empty ? 0 : count;
}

std::size_t checked_count(const Shape& shape, const Constant& source) {
  return checked_count(shape, std::max(kMaximumFolded, source.size()));
}

Constant like(const Constant& source, Shape shape, bool same_values) {
  Constant result;
  if (same_values) {
    result.name = source.name;
    result.source = source.source;
    result.format = source.format;
  }
  result.shape = std::move(shape);
  result.floating = source.floating;
  return result;
}

ConstantPtr share(Constant constant) { return std::make_shared<const Constant>(std::move(constant)); }

/// Makes a constant of `source`'s values at flat positions, [element_count(shape)].
Constant picked(const Constant& source, Shape shape, const std::vector<std::size_t>& positions, bool same_values) {
  Constant result = like(source, std::move(shape), same_values);
  for (const std::size_t position : positions) {
    if (source.floating)
      result.floats.push_back(source.floats[position]);
    else
      result.integers.push_back(source.integers[position]);
    if (!source.times_batch.empty()) result.times_batch.push_back(source.times_batch[position]);
  }
  if (std::find(result.times_batch.begin(), result.times_batch.end(), true) == result.times_batch.end())
    result.times_batch.clear();
  return result;
}

ConstantPtr reshaped(const ConstantPtr& source, Shape shape) {
  Constant result = *source;
  result.shape = std::move(shape);
  return share(std::move(result));
}

std::vector<std::size_t> strides_of(const Shape& shape) {
  std::vector<std::size_t> strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * static_cast<std::size_t>(shape[i]);
  return strides;
}

/// Lists, for every position of `shape` in row-major order, offset + sum of coordinate x stride.
std::vector<std::size_t> strided_positions(const Shape& shape, const std::vector<std::int64_t>& strides,
                                           std::int64_t offset, std::size_t count) {
  std::vector<std::size_t> positions;
  positions.reserve(count);
  Shape at(shape.size(), 0);
  std::int64_t position = offset;
  while (positions.size() < count) {
    positions.push_back(static_cast<std::size_t>(position));
    for (std::size_t i = shape.size(); i-- > 0;) {
      position += strides[i];
      if (++at[i] < shape[i]) break;
      position -= strides[i] * shape[i];
      at[i] = 0;
    }
  }
  return positions;
}

std::vector<std::int64_t> signed_strides(const Shape& shape) {
  const std::vector<std::size_t> strides = strides_of(shape);
  return {strides.begin(), strides.end()};
}

/// Lists where the values of a broadcast constant come from.
std::vector<std::size_t> broadcast_positions(const Shape& from, const Shape& to, std::size_t count) {
  const std::vector<std::int64_t> own = signed_strides(from);
  std::vector<std::int64_t> strides(to.size(), 0);
  for (std::size_t i = 0; i < from.size(); ++i)
    if (from[i] != 1) strides[to.size() - from.size() + i] = own[i];
  return strided_positions(to, strides, 0, count);
}

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
  return share(picked(source, shape, strided_positions(shape, strides, 0, source.size()), true));
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

/// Rounds towards zero. Throws DataError beyond 64 bits.
std::int64_t whole_number(double value) {
  if (!(std::abs(value) < 9e18)) throw DataError("a number is no integer of 64 bits");
  return static_cast<std::int64_t>(value);
}

double value_at(const Constant& constant, std::size_t index) {
  return constant.floating ? static_cast<double>(constant.floats[index])
                           : static_cast<double>(constant.integers[index]);
}

/// Holds an integer that may be a multiple of the batch size.
struct Extent {
  std::int64_t value = 0;
  bool batch = false;
};

[[noreturn]] void refuse_batch() { throw DataError("computes with the batch size in a way that is not followed"); }

Extent combine(const std::string& op, Extent a, Extent b) {
  std::int64_t value = 0;
  if (op == "Mul") {
    if ((a.batch && b.batch) || __builtin_mul_overflow(a.value, b.value, &value)) refuse_batch();
    return {value, a.batch || b.batch};
  }
  if (op == "Div") {
    if (b.batch || b.value == 0 || b.value == -1 || (a.batch && a.value % b.value != 0)) refuse_batch();
    return {a.value / b.value, a.batch};
  }
  if (op != "Add" && op != "Sub") refuse_batch();
  const bool zero = (a.batch && b.value == 0) || (b.batch && a.value == 0);
  if (a.batch != b.batch && !zero) refuse_batch();
  const bool overflow =
      op == "Add" ? __builtin_add_overflow(a.value, b.value, &value) : __builtin_sub_overflow(a.value, b.value, &value);
  if (overflow) throw DataError("an integer overflows");
  return {value, a.batch || b.batch};
}

using Formula = double (*)(double, double);

const std::map<std::string, Formula>& binary_formulas() {
  static const std::map<std::string, Formula> formulas = {
      {"Add", [](double a, double b) { return a + b; }},
      {"Sub", [](double a, double b) { return a - b; }},
      {"Mul", [](double a, double b) { return a * b; }},
      {"Div", [](double a, double b) { return a / b; }},
      {"Pow", [](double a, double b) { return std::pow(a, b); }},
      {"Min", [](double a, double b) { return std::min(a, b); }},
      {"Max", [](double a, double b) { return std::max(a, b); }},
      {"Equal", [](double a, double b) { return a == b ? 1.0 : 0.0; }},
      {"Less", [](double a, double b) { return a < b ? 1.0 : 0.0; }},
      {"LessOrEqual", [](double a, double b) { return a <= b ? 1.0 : 0.0; }},
      {"Greater", [](double a, double b) { return a > b ? 1.0 : 0.0; }},
      {"GreaterOrEqual", [](double a, double b) { return a >= b ? 1.0 : 0.0; }},
      {"And", [](double a, double b) { return a != 0 && b != 0 ? 1.0 : 0.0; }},
      {"Or", [](double a, double b) { return a != 0 || b != 0 ? 1.0 : 0.0; }},
  };
  return formulas;
}

bool gives_boolean(const std::string& op) {
  return op == "Equal" || op.starts_with("Less") || op.starts_with("Greater") || op == "And" || op == "Or";
}

bool is_arithmetic(const std::string& op) { return op == "Add" || op == "Sub" || op == "Mul" || op == "Div"; }

ConstantPtr fold_binary(const OnnxNode& node, Inputs inputs, Formula formula) {
  const Constant &a = *inputs[0], &b = *inputs[1];
  Constant result;
  result.shape = broadcast(a.shape, b.shape);
  result.floating = !gives_boolean(node.op) && (a.floating || b.floating);
  const std::size_t count = checked_count(result.shape, std::max({kMaximumFolded, a.size(), b.size()}));
  const auto from_a = broadcast_positions(a.shape, result.shape, count);
  const auto from_b = broadcast_positions(b.shape, result.shape, count);
  const bool batch = !a.times_batch.empty() || !b.times_batch.empty();
  const bool whole = !a.floating && !b.floating && (batch || is_arithmetic(node.op));
  for (std::size_t i = 0; i < count; ++i) {
    if (whole) {
      const Extent extent = combine(node.op, {a.integers[from_a[i]], a.depends_on_batch(from_a[i])},
                                    {b.integers[from_b[i]], b.depends_on_batch(from_b[i])});
      result.integers.push_back(extent.value);
      if (batch) result.times_batch.push_back(extent.batch);
      continue;
    }
    if (batch) refuse_batch();
    const double value = formula(value_at(a, from_a[i]), value_at(b, from_b[i]));
    if (result.floating)
      result.floats.push_back(static_cast<float>(value));
    else
      result.integers.push_back(whole_number(value));
  }
  return share(std::move(result));
}

const std::map<std::string, double (*)(double)>& unary_formulas() {
  static const std::map<std::string, double (*)(double)> formulas = {
      {"Sqrt", [](double x) { return std::sqrt(x); }},      {"Neg", [](double x) { return -x; }},
      {"Not", [](double x) { return x == 0 ? 1.0 : 0.0; }}, {"Floor", [](double x) { return std::floor(x); }},
      {"Ceil", [](double x) { return std::ceil(x); }},      {"Exp", [](double x) { return std::exp(x); }},
      {"Reciprocal", [](double x) { return 1 / x; }},
  };
  return formulas;
}

ConstantPtr fold_unary(const OnnxNode&, Inputs inputs, double (*formula)(double)) {
  const Constant& source = *inputs[0];
  if (!source.times_batch.empty()) refuse_batch();
  Constant result = like(source, source.shape, false);
  for (const float value : source.floats) result.floats.push_back(static_cast<float>(formula(value)));
  for (const std::int64_t value : source.integers)
    result.integers.push_back(whole_number(formula(static_cast<double>(value))));
  return share(std::move(result));
}

/// Lists the types that a Cast may give.
bool is_readable_type(std::int64_t type) {
  return type >= 1 && type <= 16 && type != 8 && type != 14 && type != 15;  // no texts, no complex numbers
}

ConstantPtr fold_cast(const OnnxNode& node, Inputs inputs) {
  const Constant& source = *inputs[0];
  const std::int64_t to = node.integer("to", 1);
  if (!is_readable_type(to)) throw DataError(fmt::format("a cast to the type {}", to));
  const bool floating = is_floating(static_cast<ElementType>(to));
  if (floating == source.floating && to != static_cast<std::int64_t>(ElementType::kBool)) return inputs[0];
  if (floating && !source.times_batch.empty()) refuse_batch();
  Constant result = like(source, source.shape, false);
  result.floating = floating;
  result.times_batch = source.times_batch;
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (floating)
      result.floats.push_back(static_cast<float>(source.integers[i]));
    else if (to == static_cast<std::int64_t>(ElementType::kBool))
      result.integers.push_back(value_at(source, i) != 0 ? 1 : 0);
    else
      result.integers.push_back(whole_number(static_cast<double>(source.floats[i])));
  }
  return share(std::move(result));
}

ConstantPtr fold_where(const OnnxNode&, Inputs inputs) {
  const Constant &condition = *inputs[0], &yes = *inputs[1], &no = *inputs[2];
  if (yes.floating != no.floating) throw DataError("the branches have two types");
  Constant result = like(yes, broadcast(broadcast(condition.shape, yes.shape), no.shape), false);
  const std::size_t count = checked_count(result.shape, kMaximumFolded);
  const auto from_condition = broadcast_positions(condition.shape, result.shape, count);
  const auto from_yes = broadcast_positions(yes.shape, result.shape, count);
  const auto from_no = broadcast_positions(no.shape, result.shape, count);
  const bool batch = !yes.times_batch.empty() || !no.times_batch.empty();
  for (std::size_t i = 0; i < count; ++i) {
    const bool chosen = value_at(condition, from_condition[i]) != 0;
    const Constant& from = chosen ? yes : no;
    const std::size_t at = chosen ? from_yes[i] : from_no[i];
    if (result.floating)
      result.floats.push_back(from.floats[at]);
    else
      result.integers.push_back(from.integers[at]);
    if (batch) result.times_batch.push_back(from.depends_on_batch(at));
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
  if (const auto found = binary_formulas().find(node.op); found != binary_formulas().end() && inputs.size() == 2) {
    need(node, inputs, 2);
    return fold_binary(node, inputs, found->second);
  }
  if (const auto found = unary_formulas().find(node.op); found != unary_formulas().end()) {
    need(node, inputs, 1);
    return fold_unary(node, inputs, found->second);
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
