#include "lathe/onnx/constant.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"

namespace lathe::onnx {

ConstantPtr make_constant(Tensor tensor) {
  Constant constant;
  constant.name = constant.source = std::move(tensor.name);
  constant.shape = std::move(tensor.shape);
  constant.type = tensor.type;
  constant.floating = is_floating(tensor.type);
  constant.floats = std::move(tensor.floats);
  constant.integers = std::move(tensor.integers);
  return std::make_shared<const Constant>(std::move(constant));
}

ConstantPtr make_integers(std::vector<std::int64_t> values, std::vector<bool> times_batch) {
  Constant constant;
  constant.shape = {static_cast<std::int64_t>(values.size())};
  constant.floating = false;
  constant.integers = std::move(values);
  constant.times_batch = std::move(times_batch);
  return std::make_shared<const Constant>(std::move(constant));
}

std::optional<double> scalar(const ConstantPtr& constant) {
  if (constant == nullptr || constant->size() != 1 || constant->depends_on_batch(0)) return std::nullopt;
  return constant->floating ? static_cast<double>(constant->floats[0]) : static_cast<double>(constant->integers[0]);
}

std::vector<std::int64_t> integer_list(const Constant& constant, const std::string& what) {
  if (constant.floating) throw DataError(what + " must be integers");
  for (std::size_t i = 0; i < constant.integers.size(); ++i)
    if (constant.depends_on_batch(i)) throw DataError(what + " depends on the batch size");
  return constant.integers;
}

Shape broadcast(const Shape& a, const Shape& b) {
  Shape result(std::max(a.size(), b.size()), 1);
  for (std::size_t i = 0; i < result.size(); ++i) {
    const std::int64_t left = i < a.size() ? a[a.size() - 1 - i] : 1;
    const std::int64_t right = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (left != right && left != 1 && right != 1)
      throw DataError(fmt::format("the shapes {} and {} do not fit together", to_string(a), to_string(b)));
    result[result.size() - 1 - i] = left == 1 ? right : left;
  }
  return result;
}

std::size_t axis_index(std::int64_t axis, std::size_t rank) {
  const auto signed_rank = static_cast<std::int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank)
    throw DataError(fmt::format("the axis {} is impossible: there are {} dimensions", axis, rank));
  return static_cast<std::size_t>(axis < 0 ? axis + signed_rank : axis);
}

std::vector<bool> marked_axes(const std::vector<std::int64_t>& axes, std::size_t rank) {
  std::vector<bool> marked(rank, false);
  for (const std::int64_t axis : axes) {
    const std::size_t at = axis_index(axis, rank);
    if (marked[at]) throw DataError(fmt::format("the list of axes names a dimension twice ({})", at));
    marked[at] = true;
  }
  return marked;
}

}  // namespace lathe::onnx
