#include "lathe/data/pixels.h"

namespace lathe::data {

void append_pixels(std::span<const std::byte> bytes, std::vector<float>& values) {
  for (const std::byte byte : bytes)
    values.push_back(static_cast<float>(std::to_integer<int>(byte)) / static_cast<float>(kPixelDivisor));
}

}  // namespace lathe::data
