#include "lathe/base/random.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "lathe/base/check.h"

namespace lathe {

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(product0)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

namespace {

// Mixes one more word into a 128-bit state with Philox itself as the mixing function.
void absorb(std::array<std::uint32_t, 4>& state, std::uint64_t word, std::uint32_t tag) {
  state = philox4x32(state, {static_cast<std::uint32_t>(word) ^ tag, static_cast<std::uint32_t>(word >> 32)});
}

}  // namespace

RandomStream::RandomStream(std::uint64_t seed, std::span<const std::uint64_t> words, std::string_view purpose) {
  std::array<std::uint32_t, 4> state{0x6C617468u, 0x65u, static_cast<std::uint32_t>(words.size()),
                                     static_cast<std::uint32_t>(purpose.size())};
  absorb(state, seed, 0);
  for (const std::uint64_t word : words) absorb(state, word, 0x57u);
  for (const char letter : purpose) absorb(state, static_cast<unsigned char>(letter), 0x50000000u);
  key_ = {state[0], state[1]};
  counter_ = {0, 0, state[2], state[3]};
}

std::uint32_t RandomStream::next_u32() {
  if (used_ == 4) {
    block_ = philox4x32(counter_, key_);
    used_ = 0;
    if (++counter_[0] == 0) ++counter_[1];
  }
  return block_[used_++];
}

void RandomStream::fill(std::span<std::uint32_t> numbers) {
  std::size_t done = 0;
  for (; done < numbers.size() && used_ < 4; ++done) numbers[done] = next_u32();
  for (; numbers.size() - done >= 4; done += 4) {
    const std::array<std::uint32_t, 4> block = philox4x32(counter_, key_);
    if (++counter_[0] == 0) ++counter_[1];
    std::copy(block.begin(), block.end(), numbers.begin() + static_cast<std::ptrdiff_t>(done));
  }
  for (; done < numbers.size(); ++done) numbers[done] = next_u32();
}

std::uint64_t RandomStream::next_u64() {
  const std::uint64_t low = next_u32();
  return low | (std::uint64_t{next_u32()} << 32);
}

double RandomStream::uniform() { return static_cast<double>(next_u64() >> 11) * 0x1p-53; }

float RandomStream::uniform_float() { return static_cast<float>(next_u32() >> 8) * 0x1p-24f; }

std::uint64_t RandomStream::below(std::uint64_t bound) {
  LATHE_CHECK(bound > 0);
  if (bound <= 0xFFFFFFFFu) {
    const auto bound32 = static_cast<std::uint32_t>(bound);
    std::uint64_t product = std::uint64_t{next_u32()} * bound32;
    if (static_cast<std::uint32_t>(product) < bound32) {
      const std::uint32_t threshold = (0u - bound32) % bound32;
      while (static_cast<std::uint32_t>(product) < threshold) product = std::uint64_t{next_u32()} * bound32;
    }
    return product >> 32;
  }
  const std::uint64_t threshold = (0u - bound) % bound;
  std::uint64_t value = next_u64();
  while (value < threshold) value = next_u64();
  return value % bound;
}

double RandomStream::normal() {
  const double radius = std::sqrt(-2.0 * std::log1p(-uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

namespace {

// Hands out the numbers of a stream in the order of the stream, drawn in bulk; `expected` numbers are drawn at most
// before the last one is asked for.
class BulkNumbers {
 public:
  BulkNumbers(RandomStream& stream, std::size_t expected) : stream_(stream), expected_(expected) {}
  std::uint32_t next() {
    if (position_ == size_) refill();
    --expected_;
    return numbers_[position_++];
  }
  /// Tells of numbers that had to be drawn again.
  void expect_one_more() { ++expected_; }

 private:
  void refill() {
    size_ = std::min(numbers_.size(), expected_);
    position_ = 0;
    stream_.fill(std::span(numbers_).first(size_));
  }
  RandomStream& stream_;
  std::size_t expected_;
  std::array<std::uint32_t, 1024> numbers_;
  std::size_t position_ = 0, size_ = 0;
};

// As RandomStream::below for bounds of 32 bits.
std::uint32_t below(BulkNumbers& numbers, std::uint32_t bound) {
  std::uint64_t product = std::uint64_t{numbers.next()} * bound;
  if (static_cast<std::uint32_t>(product) < bound) [[unlikely]] {
    const std::uint32_t threshold = (0u - bound) % bound;
    while (static_cast<std::uint32_t>(product) < threshold) {
      numbers.expect_one_more();
      product = std::uint64_t{numbers.next()} * bound;
    }
  }
  return static_cast<std::uint32_t>(product >> 32);
}

}  // namespace

void random_permutation(RandomStream& stream, std::span<std::uint32_t> order) {
  std::iota(order.begin(), order.end(), 0u);
  if (order.size() < 2) return;
  BulkNumbers numbers(stream, order.size() - 1);
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[below(numbers, static_cast<std::uint32_t>(i))]);
}

}  // namespace lathe
