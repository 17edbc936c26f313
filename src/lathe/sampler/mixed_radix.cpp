#include "lathe/sampler/mixed_radix.h"

#include "lathe/base/check.h"

namespace lathe::sampler {
namespace {

constexpr std::uint64_t kLargestSize = std::uint64_t{1} << 62;

std::optional<std::uint64_t> product(const std::vector<std::int64_t>& sizes) {
  std::uint64_t total = 1;
  for (const std::int64_t size : sizes) {
    LATHE_CHECK(size > 0, "a dimension has {} choices", size);
    if (total > kLargestSize / static_cast<std::uint64_t>(size)) return std::nullopt;
    total *= static_cast<std::uint64_t>(size);
  }
  return total;
}

/// Mixes 64 bits (the finaliser of splitmix64).
std::uint64_t mix(std::uint64_t word) {
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9U;
  word = (word ^ (word >> 27)) * 0x94d049bb133111ebU;
  return word ^ (word >> 31);
}

std::uint64_t hash(const space::Assignment& assignment) {
  std::uint64_t state = assignment.size();
  for (const std::int32_t index : assignment)
    state = mix(state + 0x9e3779b97f4a7c15U + static_cast<std::uint64_t>(index));
  return state;
}

}  // namespace

MixedRadix::MixedRadix(std::vector<std::int64_t> sizes) : sizes_(std::move(sizes)), size_(product(sizes_)) {}

std::uint64_t MixedRadix::encode(const space::Assignment& assignment) const {
  LATHE_CHECK_EQ(assignment.size(), sizes_.size());
  if (!size_) return hash(assignment);
  std::uint64_t code = 0;
  for (std::size_t i = 0; i < sizes_.size(); ++i) {
    code = code * static_cast<std::uint64_t>(sizes_[i]) + static_cast<std::uint64_t>(assignment[i]);
  }
  return code;
}

space::Assignment MixedRadix::decode(std::uint64_t code) const {
  LATHE_CHECK(size_ && code < *size_, "code {}", code);
  space::Assignment assignment(sizes_.size());
  for (std::size_t i = sizes_.size(); i-- > 0;) {
    const auto radix = static_cast<std::uint64_t>(sizes_[i]);
    assignment[i] = static_cast<std::int32_t>(code % radix);
    code /= radix;
  }
  return assignment;
}

}  // namespace lathe::sampler
