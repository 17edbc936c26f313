#include "lathe/data/gzip.h"

#include <random>

#include "data/gzip_text.h"
#include "data/scratch_folder.h"

namespace lathe::data {
namespace {

using testing::error_text;
using testing::gzip_text;

std::string expand(const std::string& text, std::size_t most = 1 << 24) {
  const std::vector<std::byte> content = expand_gzip(std::as_bytes(std::span(text)), most, "file.gz");
  return {reinterpret_cast<const char*>(content.data()), content.size()};
}

std::string expand_error(const std::string& text, std::size_t most = 1 << 24) {
  return error_text<DataError>([&] { expand(text, most); });
}

TEST(Gzip, ExpandsWhatZlibPacked) {
  for (const std::size_t size : {0u, 1u, 1000u, 65'536u, 300'000u}) {
    std::string text(size, 'x');
    std::minstd_rand draw(1);
    for (char& letter : text) letter = static_cast<char>(draw() & 7);
    EXPECT_EQ(expand(gzip_text(text)), text) << size;
  }
}

TEST(Gzip, JoinsMembers) { EXPECT_EQ(expand(gzip_text("one ") + gzip_text("two")), "one two"); }

TEST(Gzip, TakesExactlyTheLimit) {
  const std::string packed = gzip_text(std::string(100'000, 'a'));
  EXPECT_EQ(expand(packed, 100'000).size(), 100'000u);
  EXPECT_EQ(expand_error(packed, 99'999), "file.gz: expands to more than 99999 bytes");
}

TEST(Gzip, RefusesEveryTruncation) {
  const std::string packed = gzip_text("the quick brown fox jumps over the lazy dog");
  for (std::size_t size = 0; size < packed.size(); ++size)
    EXPECT_EQ(expand_error(packed.substr(0, size)), "file.gz: the gzip file is cut off") << size;
}

TEST(Gzip, RefusesDamage) {
  std::string packed = gzip_text(std::string(1000, 'a') + "b");
  packed[packed.size() - 6] ^= 1;  // the check sum
  EXPECT_EQ(expand_error(packed), "file.gz: the gzip file is damaged (incorrect data check)");
  EXPECT_EQ(expand_error(gzip_text("a") + "rubbish"), "file.gz: the gzip file is damaged (incorrect header check)");
}

}  // namespace
}  // namespace lathe::data
