#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "lathe/base/check.h"
#include "lathe/base/shape.h"

namespace lathe::quant {

/// Most dimensions of a tensor that is quantised, the batch included.
inline constexpr std::size_t kMostDimensions = 6;

/// Looks at a tensor whatever its layout is: rows of a batch, feature-major tiles, padded matrices. Does not own it.
template <typename T>
struct TensorView {
  using Extents = std::array<std::int64_t, kMostDimensions>;

  T* data = nullptr;
  Extents shape{};       ///< outermost first, led by ones up to kMostDimensions
  Extents strides{};     ///< values from one index to the next, per dimension
  std::size_t rank = 0;  ///< the last `rank` dimensions are the tensor's own, without the batch

  /// Looks at a parameter: row-major, no batch.
  static TensorView parameter(T* data, const Shape& shape) { return batch(data, 1, shape); }
  /// Looks at `rows` samples of a shape: row-major.
  static TensorView batch(T* data, std::int64_t rows, const Shape& sample) {
    LATHE_CHECK(sample.size() < kMostDimensions, "a tensor of {} dimensions cannot be quantised", sample.size());
    TensorView view;
    view.data = data;
    view.rank = sample.size();
    std::int64_t stride = 1;
    for (std::size_t i = kMostDimensions; i-- > 0;) {
      const std::size_t from_end = kMostDimensions - 1 - i;
      const bool own = from_end < sample.size();
      view.shape[i] = own ? sample[sample.size() - 1 - from_end] : (from_end == sample.size() ? rows : 1);
      view.strides[i] = stride;
      stride *= view.shape[i];
    }
    return view;
  }
  /// Looks at a matrix [rows, columns] without a batch, whose rows begin `row_stride` values apart.
  static TensorView matrix(T* data, std::size_t rows, std::size_t columns, std::size_t row_stride) {
    TensorView view = parameter(data, {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)});
    view.strides[kMostDimensions - 2] = static_cast<std::int64_t>(row_stride);
    return view;
  }
};

}  // namespace lathe::quant
