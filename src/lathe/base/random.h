#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace lathe {

/// Computes one block of Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
/// SC 2011): 128 bits that depend on the counter and the key alone.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

/// Draws numbers from a counter-based generator. The stream is a pure function of what it was made
/// from (seed, words and purpose), so no result depends on the order in which streams are used, on
/// the number of workers or on a restart. Copies continue independently from the same point.
class RandomStream {
 public:
  /// Makes the stream for `seed`, identifying `words` (a candidate key, a trial number, a repeat, an
  /// epoch, ...) and a `purpose` ("shuffle", "initial_weights", ...). Different arguments give
  /// independent streams.
  RandomStream(std::uint64_t seed, std::span<const std::uint64_t> words, std::string_view purpose);
  RandomStream(std::uint64_t seed, std::initializer_list<std::uint64_t> words, std::string_view purpose)
      : RandomStream(seed, std::span(words.begin(), words.size()), purpose) {}

  std::uint32_t next_u32();
  std::uint64_t next_u64();
  /// Draws as many numbers as next_u32 in a row would, the same ones, faster.
  void fill(std::span<std::uint32_t> numbers);
  /// Returns a number uniform in [0, 1) with 53 random bits.
  double uniform();
  /// Returns a number uniform in [0, 1) with 24 random bits.
  float uniform_float();
  /// Returns an integer uniform in [0, bound), unbiased (Lemire 2019). `bound` must be above 0.
  std::uint64_t below(std::uint64_t bound);
  /// Returns a standard normal number (Box-Muller; no number is kept back).
  double normal();

 private:
  std::array<std::uint32_t, 2> key_{};
  std::array<std::uint32_t, 4> counter_{};
  std::array<std::uint32_t, 4> block_{};
  unsigned used_ = 4;
};

/// Fills `order` with a uniformly random permutation of 0 .. size-1 (Fisher-Yates).
void random_permutation(RandomStream& stream, std::span<std::uint32_t> order);

}  // namespace lathe
