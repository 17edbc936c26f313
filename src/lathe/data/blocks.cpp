#include <span>

#include "lathe/base/memory.h"
#include "lathe/data/dataset.h"

namespace lathe::data {
namespace {

constexpr std::int64_t kWidestArranged = 512;

}  // namespace

void arrange_blocks(Samples& samples) {
  samples.blocks.clear();
  if (samples.width > kWidestArranged || samples.positions > 1) return;
  const auto width = static_cast<std::size_t>(samples.width);
  const std::size_t blocks = static_cast<std::size_t>(samples.rows()) / kBlockRows;
  samples.blocks.resize(blocks * width);
  for (std::size_t row = 0; row < blocks * kBlockRows; ++row) {
    BlockColumn* const block = samples.blocks.data() + row / kBlockRows * width;
    for (std::size_t f = 0; f < width; ++f) block[f].values[row % kBlockRows] = samples.features[row * width + f];
  }
  prefer_huge_pages(std::as_bytes(std::span(samples.blocks)));
  prefer_huge_pages(std::as_bytes(std::span(samples.features)));
  prefer_huge_pages(std::as_bytes(std::span(samples.labels)));
}

}  // namespace lathe::data
