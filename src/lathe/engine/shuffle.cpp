#include "lathe/engine/shuffle.h"

#include <algorithm>
#include <numeric>

#include "lathe/data/dataset.h"

namespace lathe::engine {
namespace {

constexpr std::size_t kBlock = data::kBlockRows;
constexpr std::int64_t kFewestBlocks = 8;

// Writes the number of each block into its first place, shuffles there, and fills in the rows from the end.
void shuffle_blocks(RandomStream& stream, std::span<std::uint32_t> order) {
  const std::size_t blocks = order.size() / kBlock;
  random_permutation(stream, order.first(blocks));
  for (std::size_t i = blocks; i-- > 0;) {
    const auto first = static_cast<std::uint32_t>(order[i] * kBlock);
    std::iota(order.begin() + static_cast<std::ptrdiff_t>(i * kBlock),
              order.begin() + static_cast<std::ptrdiff_t>((i + 1) * kBlock), first);
  }
  std::iota(order.begin() + static_cast<std::ptrdiff_t>(blocks * kBlock), order.end(),
            static_cast<std::uint32_t>(blocks * kBlock));
  for (std::size_t i = blocks * kBlock; i < order.size(); ++i) {
    std::swap(order[i], order[stream.below(order.size())]);
  }
}

}  // namespace

bool shuffles_blocks(std::int64_t batch_size) {
  constexpr auto kRows = static_cast<std::int64_t>(kBlock);
  return batch_size % kRows == 0 && batch_size >= kFewestBlocks * kRows;
}

void shuffle_rows(RandomStream& stream, std::int64_t batch_size, std::span<std::uint32_t> order) {
  if (shuffles_blocks(batch_size))
    shuffle_blocks(stream, order);
  else
    random_permutation(stream, order);
}

}  // namespace lathe::engine
