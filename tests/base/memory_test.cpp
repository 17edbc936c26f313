#include "lathe/base/memory.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace lathe {
namespace {

TEST(PreferHugePages, ChangesNoContents) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{100}, std::size_t{1} << 21, (std::size_t{5} << 21) + 12345}) {
    std::vector<std::uint32_t> values(size / 4);
    std::iota(values.begin(), values.end(), 0u);
    const std::vector<std::uint32_t> before = values;
    prefer_huge_pages(std::as_bytes(std::span(values)));
    EXPECT_EQ(values, before);
    for (std::uint32_t& value : values) value += 1;  // still writable
  }
}

}  // namespace
}  // namespace lathe
