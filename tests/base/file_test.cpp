#include "lathe/base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lathe/base/error.h"
#include "lathe/base/hash.h"
#include "program.h"

namespace lathe {
namespace {

TEST(WriteFileAtomically, ReplacesTheWholeContent) {
  const auto path = std::filesystem::path(::testing::TempDir()) / "lathe_atomic.txt";
  write_text_file_atomically(path, "a long first content");
  write_text_file_atomically(path, "second");
  EXPECT_EQ(read_text_file(path), "second");
  std::filesystem::remove(path);
}

TEST(ReadFile, EndsWhereAFileDoesNot) {
  const auto reason = [](const std::filesystem::path& path) {
    try {
      read_file(path);
    } catch (const SystemError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(reason("/dev/zero").find("a pipe or device that gives more than 268435456 bytes"), std::string::npos);
  const testing::TemporaryFolder folder;
  const std::filesystem::path sparse = folder.path() / "sparse";
  write_text_file_atomically(sparse, "");
  std::filesystem::resize_file(sparse, std::uintmax_t{1} << 42);
  EXPECT_NE(reason(sparse).find("of memory are available"), std::string::npos) << reason(sparse);
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

// Acts as a user without rights while it lives, where the tests run as root.
class OtherUser {
 public:
  OtherUser() : own_(::geteuid()) {
    if (own_ == 0) {
      EXPECT_EQ(::seteuid(65534), 0);
    }
  }
  ~OtherUser() { EXPECT_EQ(::seteuid(own_), 0); }

 private:
  uid_t own_;
};

template <typename Function>
std::string error_of(const Function& ask) {
  try {
    ask();
  } catch (const SystemError& error) {
    return error.what();
  }
  return "no error";
}

TEST(PathQuestions, SayNoOnlyWhereNothingIs) {
  const testing::TemporaryFolder folder;
  const auto file = folder.path() / "file";
  EXPECT_FALSE(path_exists(file));
  EXPECT_FALSE(path_exists(file / "below" / "nothing"));
  write_text_file_atomically(file, "four");
  EXPECT_TRUE(is_file(file));
  EXPECT_FALSE(is_folder(file));
  EXPECT_FALSE(path_exists(file / "below"));
  EXPECT_TRUE(is_folder(folder.path()));
  EXPECT_EQ(path_kind("/dev/null"), PathKind::kOther);
  EXPECT_EQ(size_of_file(file), 4u);
  rename_file(file, folder.path() / "b");
  write_text_file_atomically(file.parent_path() / "a", "");
  EXPECT_EQ(list_folder(folder.path()), (std::vector{folder.path() / "a", folder.path() / "b"}));
  EXPECT_TRUE(remove_file(folder.path() / "b"));
  EXPECT_FALSE(remove_file(folder.path() / "b"));
}

TEST(PathQuestions, GiveTheReasonWhereTheSystemDoesNotTell) {
  const testing::TemporaryFolder folder;
  const auto loop = folder.path() / "loop";
  std::filesystem::create_symlink("loop", loop);
  const std::string circle = "cannot open " + loop.string() + ": Too many levels of symbolic links";
  EXPECT_EQ(error_of([&] { path_exists(loop); }), circle);
  EXPECT_EQ(error_of([&] { size_of_file(loop); }), circle);
  const std::string name(300, 'x');
  EXPECT_EQ(error_of([&] { is_file(name); }), "cannot open " + name + ": File name too long");
  EXPECT_EQ(error_of([&] { rename_file(loop / "a", loop / "b"); }),
            "cannot replace " + (loop / "b").string() + ": Too many levels of symbolic links");
  EXPECT_EQ(error_of([&] { list_folder(loop); }),
            "cannot open the folder " + loop.string() + ": Too many levels of symbolic links");
}

TEST(PathQuestions, GiveTheReasonWhereTheUserHasNoRights) {
  const testing::TemporaryFolder folder;
  const auto file = folder.path() / "private" / "file";
  std::filesystem::create_directory(file.parent_path());
  write_text_file_atomically(file, "text");
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
  std::filesystem::permissions(file.parent_path(), std::filesystem::perms::none);
  {
    const OtherUser other;
    EXPECT_EQ(error_of([&] { is_folder(file); }), "cannot open " + file.string() + ": Permission denied");
    EXPECT_EQ(error_of([&] { remove_file(file); }), "cannot remove " + file.string() + ": Permission denied");
    EXPECT_EQ(error_of([&] { list_folder(file.parent_path()); }),
              "cannot open the folder " + file.parent_path().string() + ": Permission denied");
    EXPECT_TRUE(is_folder(file.parent_path()));
  }
  std::filesystem::permissions(file.parent_path(), std::filesystem::perms::owner_all);
}

TEST(Hash, IsSha256) {
  EXPECT_EQ(hash_text("abc").to_hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash_text("abc").first_word(), 0xba7816bf8f01cfeaull);
}

}  // namespace
}  // namespace lathe
