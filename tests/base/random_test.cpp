#include "lathe/base/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace lathe {
namespace {

// Known answers of the Random123 distribution (kat_vectors, philox4x32-10).
TEST(Philox, MatchesTheKnownAnswers) {
  EXPECT_EQ(philox4x32({0, 0, 0, 0}, {0, 0}),
            (std::array<std::uint32_t, 4>{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}));
  EXPECT_EQ(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (std::array<std::uint32_t, 4>{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}));
  EXPECT_EQ(philox4x32({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, {0xa4093822u, 0x299f31d0u}),
            (std::array<std::uint32_t, 4>{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u}));
}

TEST(RandomStream, DependsOnEveryPartOfItsKey) {
  const auto first = [](std::uint64_t seed, std::initializer_list<std::uint64_t> words, const char* purpose) {
    return RandomStream(seed, words, purpose).next_u64();
  };
  const std::vector<std::uint64_t> values{first(0, {}, ""),        first(1, {}, ""),      first(0, {0}, ""),
                                          first(0, {0, 0}, ""),    first(0, {1, 0}, ""),  first(0, {0, 1}, ""),
                                          first(0, {}, "shuffle"), first(0, {}, "shuffl")};
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(values[i], values[j]) << i << " " << j;
  }
  EXPECT_EQ(first(7, {1, 2}, "x"), first(7, {1, 2}, "x"));
}

TEST(RandomStream, BelowIsUniform) {
  RandomStream stream(3, {}, "below");
  std::vector<int> counts(6);
  for (int i = 0; i < 60000; ++i) ++counts[stream.below(6)];
  for (const int count : counts) EXPECT_NEAR(count, 10000, 5 * std::sqrt(60000.0 / 6 * 5 / 6));
  for (int i = 0; i < 100; ++i) EXPECT_LT(stream.below(std::uint64_t{5} << 33), std::uint64_t{5} << 33);
}

TEST(RandomStream, NormalHasUnitVariance) {
  RandomStream stream(3, {}, "normal");
  double sum = 0, squares = 0;
  constexpr int kCount = 100000;
  for (int i = 0; i < kCount; ++i) {
    const double value = stream.normal();
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / kCount, 0, 5 / std::sqrt(double{kCount}));
  EXPECT_NEAR(squares / kCount, 1, 5 * std::sqrt(2.0 / kCount));
}

TEST(RandomPermutation, HoldsEveryIndexOnce) {
  RandomStream stream(3, {}, "permutation");
  std::vector<std::uint32_t> order(1000);
  random_permutation(stream, order);
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  for (std::uint32_t i = 0; i < order.size(); ++i) EXPECT_EQ(order[i], i);
}

TEST(RandomStream, FillDrawsTheNumbersOfSingleCalls) {
  for (unsigned before = 0; before < 5; ++before) {
    RandomStream single(3, {4}, "fill"), bulk(3, {4}, "fill");
    for (unsigned i = 0; i < before; ++i) EXPECT_EQ(single.next_u32(), bulk.next_u32());
    std::vector<std::uint32_t> numbers(13);
    bulk.fill(numbers);
    for (const std::uint32_t number : numbers) EXPECT_EQ(number, single.next_u32());
    EXPECT_EQ(bulk.next_u64(), single.next_u64());
  }
}

TEST(RandomPermutation, IsFisherYatesWithNumbersBelow) {
  RandomStream single(5, {}, "permutation"), bulk(5, {}, "permutation");
  std::vector<std::uint32_t> expected(3000), order(3000);
  for (std::uint32_t i = 0; i < 3000; ++i) expected[i] = i;
  for (std::size_t i = expected.size(); i > 1; --i) std::swap(expected[i - 1], expected[single.below(i)]);
  random_permutation(bulk, order);
  EXPECT_EQ(order, expected);
  EXPECT_EQ(bulk.next_u32(), single.next_u32());
}

}  // namespace
}  // namespace lathe
