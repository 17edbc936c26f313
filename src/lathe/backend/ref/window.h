#pragma once

#include <array>
#include <cstdint>

#include "lathe/backend/ref/kernel.h"

namespace lathe::backend::ref {

/// Describes how the window of a convolution or a pooling walks over a plane [height, width]; a sequence [length] is a
/// plane of height 1.
struct Window {
  using Pair = std::array<std::int64_t, 2>;
  Pair in{1, 1}, out{1, 1}, kernel{1, 1}, stride{1, 1}, padding{0, 0}, dilation{1, 1};

  std::size_t in_plane() const { return static_cast<std::size_t>(in[0] * in[1]); }
  std::size_t out_plane() const { return static_cast<std::size_t>(out[0] * out[1]); }
  std::size_t taps() const { return static_cast<std::size_t>(kernel[0] * kernel[1]); }
  /// Returns where the window at place `place` [height, width] of the output begins; negative inside the padding.
  Pair corner(std::size_t place) const {
    const auto at = static_cast<std::int64_t>(place);
    return {at / out[1] * stride[0] - padding[0], at % out[1] * stride[1] - padding[1]};
  }
  /// Calls `visit(index in the input's plane, index of the tap)` for the taps that lie inside the plane.
  template <typename Visit>
  void for_each_tap(std::size_t place, Visit visit) const {
    const Pair begin = corner(place);
    for (std::int64_t tap = 0; tap < kernel[0] * kernel[1]; ++tap) {
      const std::int64_t y = begin[0] + tap / kernel[1] * dilation[0];
      const std::int64_t x = begin[1] + tap % kernel[1] * dilation[1];
      if (y >= 0 && y < in[0] && x >= 0 && x < in[1])
        visit(static_cast<std::size_t>(y * in[1] + x), static_cast<std::size_t>(tap));
    }
  }
};

/// Returns the last two dimensions of an image [channels, height, width], or [1, length] of [channels, length].
Window::Pair plane_of(const Shape& shape);
/// Returns a list of one or two integers as a pair; `missing` stands for the height of a sequence.
Window::Pair pair_of(const Shape& list, std::int64_t missing);
/// Reads the window of a pooling: shapes, kernel_size, stride (0: kernel_size) and padding.
Window pooling_window(const NodeState& state);
/// Reads the window of a convolution: shapes, kernel_size, stride, padding and dilation.
Window convolution_window(const NodeState& state);

}  // namespace lathe::backend::ref
