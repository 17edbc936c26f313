#include "lathe/sampler/permutation.h"

#include <gtest/gtest.h>

#include <vector>

namespace lathe::sampler {
namespace {

TEST(Permutation, IsABijectionForEverySize) {
  for (const std::uint64_t size : {1u, 2u, 3u, 5u, 17u, 18u, 64u, 65u, 1000u, 4097u}) {
    const Permutation permutation(size, 3, "test");
    std::vector<bool> reached(size, false);
    for (std::uint64_t i = 0; i < size; ++i) {
      const std::uint64_t image = permutation(i);
      ASSERT_LT(image, size);
      ASSERT_FALSE(reached[image]) << size;
      reached[image] = true;
    }
  }
}

TEST(Permutation, DependsOnSeedAndPurposeAlone) {
  const std::uint64_t size = std::uint64_t{1} << 60;
  EXPECT_EQ(Permutation(size, 1, "a")(12345), Permutation(size, 1, "a")(12345));
  EXPECT_NE(Permutation(size, 1, "a")(12345), Permutation(size, 2, "a")(12345));
  EXPECT_NE(Permutation(size, 1, "a")(12345), Permutation(size, 1, "b")(12345));
}

}  // namespace
}  // namespace lathe::sampler
