#include "lathe/data/npz.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "data/scratch_folder.h"
#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "peers.h"
#include "program.h"

namespace lathe::data {
namespace {

std::vector<NamedArray> some_arrays() {
  const std::vector<double> numbers{0.5, -1, 1e300, 0, 2, 3};
  const std::vector<std::int32_t> codes{-1, 7};
  const std::vector<float> none;
  return {{"numbers", NpyArray::of<double>({2, 3}, numbers)},
          {"codes", NpyArray::of<std::int32_t>({2}, codes)},
          {"none", NpyArray::of<float>({0, 4}, none)}};
}

std::filesystem::path written(const lathe::testing::TemporaryFolder& folder, const std::vector<NamedArray>& arrays) {
  const auto path = folder.path() / "arrays.npz";
  write_file_atomically(path, npz_bytes(arrays));
  return path;
}

bool python_has_numpy() { return std::system("/usr/bin/python3 -c 'import numpy' 2>/dev/null") == 0; }

TEST(Npz, ReadsBackWhatItWrote) {
  const lathe::testing::TemporaryFolder folder;
  const std::vector<NamedArray> arrays = some_arrays();
  const std::vector<NamedArray> read = read_npz(written(folder, arrays));
  ASSERT_EQ(read.size(), arrays.size());
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    EXPECT_EQ(read[i].name, arrays[i].name);
    EXPECT_EQ(read[i].array.shape, arrays[i].array.shape);
    EXPECT_EQ(read[i].array.type, arrays[i].array.type);
    EXPECT_EQ(read[i].array.bytes, arrays[i].array.bytes);
  }
  ASSERT_NE(find_array(read, "codes"), nullptr);
  EXPECT_EQ(find_array(read, "codes")->to_integers(), (std::vector<std::int64_t>{-1, 7}));
  EXPECT_EQ(find_array(read, "numbers")->to_doubles()[2], 1e300);
  EXPECT_EQ(find_array(read, "other"), nullptr);
}

TEST(Npz, EqualArraysMakeEqualBytesInAnyTimeZone) {
  const auto before = npz_bytes(some_arrays());
  ::setenv("TZ", "Pacific/Auckland", 1);
  ::tzset();
  EXPECT_EQ(npz_bytes(some_arrays()), before);
  ::unsetenv("TZ");
  ::tzset();
}

TEST(Npz, NumpyReadsItAndWritesTheSameMembers) {
  if (!python_has_numpy()) LATHE_PEER_IS_ABSENT("python3-numpy is absent");
  const lathe::testing::TemporaryFolder folder;
  written(folder, some_arrays());
  const auto result = lathe::testing::run_program(
      "cd " + folder.path().string() +
          " && /usr/bin/python3 -c \"\n"
          "import io, numpy, zipfile\n"
          "arrays = numpy.load('arrays.npz')\n"
          "archive = zipfile.ZipFile('arrays.npz')\n"
          "assert archive.testzip() is None\n"
          "for name in arrays.files:\n"
          "    again = io.BytesIO(); numpy.save(again, arrays[name])\n"
          "    new = numpy.lib.NumpyVersion(numpy.__version__) >= '1.24.0'\n"
          "    assert not new or again.getvalue() == archive.read(name + '.npy'), name\n"
          "    print(name, arrays[name].shape, arrays[name].dtype)\n"
          "numpy.savez_compressed('packed.npz', **{name: arrays[name] for name in arrays.files})\n\"",
      folder.path());
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_EQ(result.output, "numbers (2, 3) float64\ncodes (2,) int32\nnone (0, 4) float32\n");
  const std::vector<NamedArray> packed = read_npz(folder.path() / "packed.npz");
  ASSERT_EQ(packed.size(), 3u);
  EXPECT_EQ(packed[0].array.bytes, some_arrays()[0].array.bytes);
}

TEST(Npz, SaysWhatIsWrongWithAFile) {
  const lathe::testing::TemporaryFolder folder;
  const auto error_of = [&](const std::filesystem::path& path) {
    try {
      read_npz(path);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const auto path = written(folder, some_arrays());
  std::vector<std::byte> bytes = read_file(path);
  bytes[160] ^= std::byte{1};  // within the numbers: the checksum does not fit
  write_file_atomically(path, bytes);
  EXPECT_NE(error_of(path).find("arrays.npz (numbers.npy): is damaged: CRC error"), std::string::npos)
      << error_of(path);
  bytes.resize(bytes.size() / 2);
  write_file_atomically(path, bytes);
  EXPECT_NE(error_of(path).find("is no readable zip file"), std::string::npos) << error_of(path);
  write_text_file_atomically(path, "");
  EXPECT_EQ(error_of(path), path.string() + ": is empty");
  EXPECT_NE(error_of(folder.path() / "absent.npz").find("absent.npz"), std::string::npos);
}

}  // namespace
}  // namespace lathe::data
