#include "lathe/sampler/permutation.h"

#include <bit>

#include "lathe/base/check.h"
#include "lathe/base/random.h"

namespace lathe::sampler {
namespace {
constexpr std::uint32_t kRounds = 8;
constexpr std::uint64_t kLargestSize = std::uint64_t{1} << 62;
}  // namespace

Permutation::Permutation(std::uint64_t size, std::uint64_t seed, std::string_view purpose)
    : size_(size), half_bits_((static_cast<unsigned>(std::bit_width(size - 1)) + 1) / 2) {
  LATHE_CHECK(size >= 1 && size <= kLargestSize, "size {}", size);
  RandomStream stream(seed, {0}, purpose);
  key_ = {stream.next_u32(), stream.next_u32()};
}

std::uint64_t Permutation::operator()(std::uint64_t index) const {
  LATHE_CHECK(index < size_, "index {} of {}", index, size_);
  if (half_bits_ == 0) return index;
  std::uint64_t value = once(index);
  while (value >= size_) value = once(value);
  return value;
}

std::uint64_t Permutation::once(std::uint64_t value) const {
  const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
  std::uint64_t left = value >> half_bits_;
  std::uint64_t right = value & mask;
  for (std::uint32_t round = 0; round < kRounds; ++round) {
    const auto block = philox4x32({static_cast<std::uint32_t>(right), round, 0, 0}, key_);
    const std::uint64_t mixed = left ^ (block[0] & mask);
    left = right;
    right = mixed;
  }
  return (left << half_bits_) | right;
}

}  // namespace lathe::sampler
