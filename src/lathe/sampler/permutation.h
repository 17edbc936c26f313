#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace lathe::sampler {

/// Permutes 0 .. size-1 pseudo-randomly without a table: a Feistel network over the next even power of two, walked
/// until the result falls below size (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002, section
/// 5; the round function is one block of Philox). A function of (size, seed, purpose) alone; constant memory, about a
/// microsecond per point. `size` is at least 1 and at most 2^62.
class Permutation {
 public:
  Permutation(std::uint64_t size, std::uint64_t seed, std::string_view purpose);
  /// Returns where `index` (below size) goes.
  std::uint64_t operator()(std::uint64_t index) const;

 private:
  std::uint64_t once(std::uint64_t value) const;

  std::uint64_t size_;
  unsigned half_bits_;
  std::array<std::uint32_t, 2> key_{};
};

}  // namespace lathe::sampler
