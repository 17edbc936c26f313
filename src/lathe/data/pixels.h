#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace lathe::data {

/// What bytes are divided by.
inline constexpr double kPixelDivisor = 255;

/// Appends bytes as numbers in [0, 1]: byte / 255.
void append_pixels(std::span<const std::byte> bytes, std::vector<float>& values);

}  // namespace lathe::data
