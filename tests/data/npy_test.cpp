#include "lathe/data/npy.h"

#include <cmath>

#include "data/scratch_folder.h"

namespace lathe::data {
namespace {

using testing::error_text;
using testing::npy_text;
using testing::ScratchFolder;

std::string npy_error(const ScratchFolder& folder, const std::string& content) {
  const std::string path = folder.write("a.npy", content).string();
  const std::string text = error_text<DataError>([&] { read_npy(path); });
  return text.starts_with(path) ? text.substr(path.size()) : text;
}

TEST(ReadNpy, ReadsEveryElementType) {
  const ScratchFolder folder;
  const auto floats = [&](const std::string& content) { return read_npy(folder.write("a.npy", content)).to_floats(); };
  const std::vector<float> expected = {1, 0, 1};
  EXPECT_EQ(floats(npy_text("|b1", "(3,)", std::vector<std::uint8_t>{1, 0, 1})), expected);
  EXPECT_EQ(floats(npy_text("|u1", "(3,)", std::vector<std::uint8_t>{1, 0, 1})), expected);
  EXPECT_EQ(floats(npy_text("<u2", "(3,)", std::vector<std::uint16_t>{1, 0, 1})), expected);
  EXPECT_EQ(floats(npy_text("<u4", "(3,)", std::vector<std::uint32_t>{1, 0, 1})), expected);
  EXPECT_EQ(floats(npy_text("<u8", "(3,)", std::vector<std::uint64_t>{1, 0, 1})), expected);
  EXPECT_EQ(floats(npy_text("|i1", "(3,)", std::vector<std::int8_t>{1, 0, 1})), expected);
  EXPECT_EQ(floats(npy_text("<i2", "(3,)", std::vector<std::int16_t>{1, 0, 1})), expected);
  EXPECT_EQ(floats(npy_text("<i4", "(3,)", std::vector<std::int32_t>{1, 0, 1})), expected);
  EXPECT_EQ(floats(npy_text("<i8", "(3,)", std::vector<std::int64_t>{1, 0, 1})), expected);
  EXPECT_EQ(floats(npy_text("<f4", "(3,)", std::vector<float>{1, 0, 1})), expected);
  EXPECT_EQ(floats(npy_text("<f8", "(3,)", std::vector<double>{1, 0, 1})), expected);
}

TEST(ReadNpy, KeepsShapeAndRowMajorOrder) {
  const ScratchFolder folder;
  const NpyArray array =
      read_npy(folder.write("a.npy", npy_text("<f4", "(2, 3)", std::vector<float>{1, 2, 3, 4, 5, 6})));
  EXPECT_EQ(array.shape, (Shape{2, 3}));
  EXPECT_EQ(array.to_floats(), (std::vector<float>{1, 2, 3, 4, 5, 6}));
}

TEST(ReadNpy, ReadsVersionTwo) {
  const ScratchFolder folder;
  const std::string header = "{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }\n";
  std::string text("\x93NUMPY\x02\x00", 8);
  text += std::string{static_cast<char>(header.size()), 0, 0, 0} + header +
          testing::bytes_of(std::vector<std::int64_t>{-7});
  EXPECT_EQ(read_npy(folder.write("a.npy", text)).to_integers(), std::vector<std::int64_t>{-7});
}

TEST(ReadNpy, RefusesOtherTypesByName) {
  const ScratchFolder folder;
  const std::vector<float> one = {1};
  const std::string read = "; read are bool, int8 to int64, uint8 to uint64, float32 and float64, little-endian";
  EXPECT_EQ(npy_error(folder, npy_text(">f4", "(1,)", one)), ": holds big-endian elements (type '>f4')" + read);
  EXPECT_EQ(npy_error(folder, npy_text("<f2", "(1,)", one)), ": holds float16 elements (type '<f2')" + read);
  EXPECT_EQ(npy_error(folder, npy_text("<c8", "(1,)", one)), ": holds complex numbers (type '<c8')" + read);
  EXPECT_EQ(npy_error(folder, npy_text("|O", "(1,)", one)), ": holds Python objects (type '|O')" + read);
  EXPECT_EQ(npy_error(folder, npy_text("<U1", "(1,)", one)), ": holds text (type '<U1')" + read);
  EXPECT_EQ(npy_error(folder, npy_text("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "1234")),
            ": holds records with named fields; only plain numbers are read");
  EXPECT_EQ(npy_error(folder, npy_text("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }", "1234")),
            ": is stored column by column (fortran_order); save it row by row with numpy.save(path, "
            "numpy.ascontiguousarray(array))");
}

TEST(ReadNpy, SaysHowTheFileIsDamaged) {
  const ScratchFolder folder;
  const std::string good = npy_text("<f4", "(2, 3)", std::vector<float>(6));
  EXPECT_EQ(npy_error(folder, good.substr(0, good.size() - 5)),
            ": is truncated: [2, 3] float32 elements need 24 bytes after the header; 19 are there");
  EXPECT_EQ(npy_error(folder, good + "xy"), ": has 2 bytes more than its header says ([2, 3] float32 elements)");
  EXPECT_EQ(npy_error(folder, good.substr(0, 40)), ": is truncated within the .npy header");
  EXPECT_EQ(npy_error(folder, good.substr(0, 8)), ": is truncated within the .npy header");
  EXPECT_EQ(npy_error(folder, ""), ": is empty");
  EXPECT_EQ(npy_error(folder, "PK\x03\x04 a zip file"), ": is no .npy file (it does not begin with \\x93NUMPY)");
  EXPECT_EQ(npy_error(folder, npy_text("{'descr': '<f4', 'shape': (2, 3), }", "")),
            ": the header of this .npy file is damaged: no 'fortran_order'");
  EXPECT_EQ(npy_error(folder, npy_text("<f4", "(-2,)", std::vector<float>{})),
            ": the header of this .npy file is damaged: extent '-2,' in 'shape'");
  std::string extents;
  for (int i = 0; i < 65; ++i) extents += "1, ";
  EXPECT_EQ(npy_error(folder, npy_text("<f4", "(" + extents + ")", std::vector<float>{1})),
            ": the header of this .npy file is damaged: more than 64 extents in 'shape'");
  EXPECT_EQ(npy_error(folder, npy_text("<f4", "(4611686018427387904, 8)", std::vector<float>{})),
            ": is truncated: [4611686018427387904, 8] float32 elements need 2^63 or more bytes after the header; 0 "
            "are there");
}

TEST(ReadNpy, AnyTruncationIsADataError) {
  const ScratchFolder folder;
  const std::string good = npy_text("<f4", "(2, 3)", std::vector<float>(6));
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_NE(npy_error(folder, good.substr(0, size)), "<no error>") << size;
  }
}

TEST(ReadNpy, ReportsAFileThatIsNotThere) {
  EXPECT_EQ(error_text<SystemError>([] { read_npy("/nonexistent/a.npy"); }),
            "cannot open /nonexistent/a.npy: No such file or directory");
}

TEST(NpyArray, WantsWholeNumbersForIntegers) {
  const ScratchFolder folder;
  const NpyArray whole = read_npy(folder.write("w.npy", npy_text("<f8", "(2,)", std::vector<double>{3, -2})));
  EXPECT_EQ(whole.to_integers(), (std::vector<std::int64_t>{3, -2}));
  const auto path = folder.write("h.npy", npy_text("<f8", "(2, 2)", std::vector<double>{0, 1, 1, 0.5}));
  EXPECT_EQ(error_text<DataError>([&] { read_npy(path).to_integers(); }),
            path.string() + ": row 1, column 1: expected a whole number; got 0.5 (rows and columns count from 0)");
}

}  // namespace
}  // namespace lathe::data
