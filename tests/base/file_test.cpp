#include "lathe/base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lathe/base/error.h"
#include "lathe/base/hash.h"

namespace lathe {
namespace {

TEST(WriteFileAtomically, ReplacesTheWholeContent) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "lathe_atomic.txt";
  write_text_file_atomically(path, "a long first content");
  write_text_file_atomically(path, "second");
  EXPECT_EQ(read_text_file(path), "second");
  std::filesystem::remove(path);
}

TEST(WriteFileAtomically, WritesIntoAPipeAndLeavesItOne) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "lathe_pipe";
  std::filesystem::remove(path);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  write_text_file_atomically(path, "text");
  char text[5] = {};
  EXPECT_EQ(::read(reader, text, 4), 4);
  EXPECT_STREQ(text, "text");
  EXPECT_TRUE(std::filesystem::is_fifo(path));
  ::close(reader);
  std::filesystem::remove(path);
}

TEST(WriteFileAtomically, SaysWhyItFailed) {
  try {
    write_text_file_atomically("/nonexistent_folder/file", "x");
    FAIL();
  } catch (const SystemError& error) {
    EXPECT_STREQ(error.what(), "cannot create /nonexistent_folder/file: No such file or directory");
  }
}

TEST(Hash, IsSha256) {
  EXPECT_EQ(hash_text("abc").to_hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash_text("abc").first_word(), 0xba7816bf8f01cfeaull);
}

}  // namespace
}  // namespace lathe
