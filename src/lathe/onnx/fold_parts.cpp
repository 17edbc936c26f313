#include "lathe/onnx/fold_parts.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/quant/integer.h"

namespace lathe::onnx {
namespace {

constexpr std::size_t kMaximumRank = 64;

}  // namespace

void refuse_size(const Shape& shape) {
  throw DataError(fmt::format("a computed constant of shape {} is too large or impossible", to_string(shape)));
}

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
  if (source->format && quant::channel_axis(*source->format) && shape != source->shape)
    throw DataError("values with a scale for each channel are brought into another shape, which is not read");
  Constant result = *source;
  result.shape = std::move(shape);
  return share(std::move(result));
}

std::vector<std::size_t> strides_of(const Shape& shape) {
  std::vector<std::size_t> strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * static_cast<std::size_t>(shape[i]);
  return strides;
}

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

std::vector<std::size_t> broadcast_positions(const Shape& from, const Shape& to, std::size_t count) {
  const std::vector<std::int64_t> own = signed_strides(from);
  std::vector<std::int64_t> strides(to.size(), 0);
  for (std::size_t i = 0; i < from.size(); ++i)
    if (from[i] != 1) strides[to.size() - from.size() + i] = own[i];
  return strided_positions(to, strides, 0, count);
}

}  // namespace lathe::onnx
