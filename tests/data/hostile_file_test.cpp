// Files that claim more than they hold, expand to more than they should, or make libraries crash.
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <csignal>

#include "data/gzip_text.h"
#include "data/scratch_folder.h"
#include "lathe/base/process_memory.h"
#include "lathe/base/random.h"
#include "lathe/data/dataset.h"
#include "lathe/data/hdf5_table.h"
#include "lathe/data/idx.h"
#include "lathe/data/isolated.h"
#include "lathe/data/limits.h"
#include "lathe/data/npz.h"

namespace lathe::data {
namespace {

using testing::deflated_text;
using testing::error_text;
using testing::gzip_text;
using testing::npy_text;
using testing::ScratchFolder;

std::string little_endian(std::uint32_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 255);
  return text;
}

/// Builds a zip file with one compressed member that says to be `said` bytes long.
std::string zip_text(const std::string& name, const std::string& content, std::uint32_t said) {
  const std::string packed = deflated_text(content, -MAX_WBITS);
  const auto checksum = static_cast<std::uint32_t>(
      crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size())));
  const std::string facts = little_endian(20, 2) + little_endian(0, 2) + little_endian(8, 2) + little_endian(0, 4) +
                            little_endian(checksum, 4) + little_endian(static_cast<std::uint32_t>(packed.size()), 4) +
                            little_endian(said, 4) + little_endian(static_cast<std::uint32_t>(name.size()), 2) +
                            little_endian(0, 2);
  const std::string member = std::string("PK\x03\x04") + facts + name + packed;
  const std::string directory = std::string("PK\x01\x02") + little_endian(20, 2) + facts + little_endian(0, 2) +
                                little_endian(0, 2) + little_endian(0, 2) + little_endian(0, 4) + little_endian(0, 4) +
                                name;
  return member + directory + std::string("PK\x05\x06") + little_endian(0, 4) + little_endian(1, 2) +
         little_endian(1, 2) + little_endian(static_cast<std::uint32_t>(directory.size()), 4) +
         little_endian(static_cast<std::uint32_t>(member.size()), 4) + little_endian(0, 2);
}

TEST(Limits, SayHowMuchMayCome) {
  EXPECT_EQ(most_expanded(1), 134'217'728u);
  EXPECT_EQ(most_expanded(1'000'000'000), 64'000'000'000u);
  EXPECT_EQ(shortened("abc"), "abc");
  EXPECT_EQ(shortened(std::string(1000, 'x')), std::string(60, 'x') + "...");
  if (!available_memory()) GTEST_SKIP() << "the available memory is not known";
  EXPECT_NO_THROW(check_memory(1000, 4, "X.npy", "its rows"));
  const std::string text = error_text<DataError>([] { check_memory(std::uint64_t{1} << 62, 8, "X.npy", "its rows"); });
  EXPECT_TRUE(text.starts_with("X.npy: needs 9223372036.9 GB of memory for its rows; ")) << text;
}

TEST(NpzBomb, IsRefusedBeforeItExpands) {
  const ScratchFolder folder;
  const std::string array = npy_text<float>("<f4", "(1000,)", std::vector<float>(1000));
  const auto error_of = [&](std::uint32_t said) {
    const std::string path = folder.write("a.npz", zip_text("X.npy", array, said)).string();
    return error_text<DataError>([&] { read_npz(path); }).substr(path.size());
  };
  EXPECT_EQ(read_npz(folder.write("good.npz", zip_text("X.npy", array, static_cast<std::uint32_t>(array.size()))))
                .front()
                .array.shape,
            Shape{1000});
  EXPECT_TRUE(error_of(4'000'000'000u).starts_with(": holds arrays of more than 134217728 bytes in "))
      << error_of(4'000'000'000u);
  EXPECT_EQ(error_of(1000), " (X.npy): is damaged: it expands to more than it says");
}

TEST(GzipBomb, IsRefusedByItsLimit) {
  const ScratchFolder folder;
  const std::string pixels(std::size_t{130} << 20, '\0');
  const std::string path = folder.write("train-images-idx3-ubyte.gz", gzip_text(pixels)).string();
  EXPECT_EQ(error_text<DataError>([&] { read_idx(path, 3); }), path + ": expands to more than 134217728 bytes");
}

TEST(NpyHeader, ClaimsAreComparedWithWhatIsThere) {
  const ScratchFolder folder;
  for (const char* shape : {"(9223372036854775807, 9223372036854775807)", "(4611686018427387904, 2, 0)",
                            "(1099511627776, 1099511627776, 0)", "(3037000500, 3037000500)"}) {
    const std::string path = folder.write("X.npy", npy_text<float>("<f4", shape, std::vector<float>{})).string();
    EXPECT_TRUE(error_text<DataError>([&] { read_npy(path); }).starts_with(path)) << shape;
  }
}

TEST(SparseFile, OfMoreThanTheMemoryIsNotRead) {
  if (!available_memory()) GTEST_SKIP() << "the available memory is not known";
  const ScratchFolder folder;
  const auto path = folder.write("t.csv", "a,b\n");
  if (::truncate(path.c_str(), off_t{1} << 43) != 0) GTEST_SKIP() << "the file system has no files of 8 TiB";
  EXPECT_TRUE(error_text<DataError>([&] {
                load_dataset({.name = path.string()});
              }).starts_with(path.string() + ": needs 8796.1 GB of memory for its content; "));
}

TEST(DataPath, ThatCannotBeLookedAtIsASystemError) {
  const ScratchFolder folder;
  std::filesystem::create_symlink("loop.csv", folder.file("loop.csv"));
  const std::string loop = folder.file("loop.csv").string();
  EXPECT_EQ(error_text<SystemError>([&] { load_dataset({.name = loop}); }),
            "cannot open " + loop + ": Too many levels of symbolic links");
  const std::string long_name = folder.file(std::string(300, 'x') + ".csv").string();
  EXPECT_EQ(error_text<SystemError>([&] { load_dataset({.name = long_name}); }),
            "cannot open " + long_name + ": File name too long");
  std::filesystem::create_directory_symlink("data", folder.file("data"));
  for (const std::string name : {"jets", "jsc", "cifar10", "mnist", "t.csv"}) {
    const std::string text =
        error_text<DataError>([&] { load_dataset({.name = name, .data_dir = folder.file("data")}); });
    EXPECT_NE(text.find("data (data_dir): cannot be looked into: Too many levels of symbolic links"), std::string::npos)
        << text;
  }
}

TEST(DataPath, ThatIsNoPlainFileIsRefused) {
  const ScratchFolder folder;
  const std::string path = folder.file("pipe.csv").string();
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(error_text<DataError>([&] { load_dataset({.name = path}); }),
            path + ": is a device or a pipe; expected a plain file");
}

const std::vector<std::string> kColumns = {"j_zlogz", "j_g"};

/// Reads a table of a file that may be damaged; any end but a lathe::Error fails the test.
bool is_read(const std::filesystem::path& path) {
  try {
    read_hdf5_table(path, "t_allpar_new", kColumns);
    return true;
  } catch (const Error&) {
    return false;
  }
}

TEST(DamagedHdf5, CannotTakeTheProgramAlong) {
  // A file that makes libhdf5 1.10 read outside of its memory.
  const auto path = std::filesystem::path(LATHE_SOURCE_DIR) / "tests/data/damaged.h5";
  EXPECT_TRUE(holds_hdf5_table(path, "t_allpar_new"));
  EXPECT_FALSE(is_read(path));
}

TEST(DamagedHdf5, MutationsAreReadOrRefused) {
  const std::vector<std::byte> whole = read_file(std::filesystem::path(LATHE_SOURCE_DIR) / "tests/data/h5py_lzf.h5");
  const ScratchFolder folder;
  int read = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    std::vector<std::byte> bytes = whole;
    RandomStream stream(seed, {}, "hdf5_mutation");
    for (int change = 0; change < 8; ++change)
      bytes[stream.below(bytes.size())] = static_cast<std::byte>(stream.below(256));
    write_file_atomically(folder.file("a.h5"), bytes);
    read += is_read(folder.file("a.h5")) ? 1 : 0;
  }
  EXPECT_GT(read, 0);
  EXPECT_LT(read, 150);
}

TEST(Isolated, MessagesArriveInOrder) {
  std::string received;
  run_isolated(
      "file",
      [](const Receiver& send) {
        for (const std::string_view text : {"one", "", "two"}) send(std::as_bytes(std::span(text)));
      },
      [&](Bytes message) {
        received +=
            fmt::format("[{}]", std::string_view(reinterpret_cast<const char*>(message.data()), message.size()));
      });
  EXPECT_EQ(received, "[one][][two]");
}

TEST(Isolated, SaysHowTheWorkEnded) {
  const auto end_of = [](const std::function<void(const Receiver&)>& work) {
    return error_text<DataError>([&] { run_isolated("file", work, [](Bytes) {}); });
  };
  EXPECT_EQ(end_of([](const Receiver&) { throw DataError("file", "is bad"); }), "file: is bad");
  EXPECT_EQ(end_of([](const Receiver&) { throw std::bad_alloc(); }),
            "file: cannot be read: it asks for more memory than there is");
  EXPECT_EQ(end_of([](const Receiver&) { ::raise(SIGSEGV); }), "file: is damaged: reading it ended with signal 11");
  EXPECT_EQ(end_of([](const Receiver&) { ::_exit(0); }), "file: is damaged: reading it ended early");
  EXPECT_EQ(end_of([](const Receiver&) { ::raise(SIGALRM); }), "file: is damaged: reading it waited for 300 s");
  EXPECT_EQ(end_of([](const Receiver&) { ::raise(SIGXCPU); }), "file: is damaged: reading it went on for 20 s");
}

TEST(Isolated, WhatTheReceiverThrowsEndsTheWork) {
  EXPECT_EQ(error_text<DataError>([] {
              run_isolated(
                  "file",
                  [](const Receiver& send) {
                    while (true) send({});
                  },
                  [](Bytes) { throw DataError("enough"); });
            }),
            "enough");
}

}  // namespace
}  // namespace lathe::data
