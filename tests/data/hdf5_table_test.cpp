#include "lathe/data/hdf5_table.h"

#include "data/cernbox_file.h"
#include "data/scratch_folder.h"
#include "lathe/data/lzf.h"

namespace lathe::data {
namespace {

using testing::error_text;
using testing::ScratchFolder;
using testing::write_cernbox_file;

/// Makes rows whose features are row * 100 + column and whose classes go round.
Samples numbered(std::int32_t rows) {
  Samples samples{.width = 16, .features = {}, .labels = {}};
  for (std::int32_t row = 0; row < rows; ++row) {
    for (int column = 0; column < 16; ++column) samples.features.push_back(static_cast<float>(row * 100 + column));
    samples.labels.push_back(row % 5);
  }
  return samples;
}

std::string hdf5_error(const std::filesystem::path& path, const std::vector<std::string>& columns,
                       const std::string& table = "t_allpar_new") {
  return error_text<DataError>([&] { read_hdf5_table(path, table, columns); }).substr(path.string().size());
}

TEST(ReadHdf5Table, ReadsNamedColumnsInTheOrderAsked) {
  const ScratchFolder folder;
  ASSERT_TRUE(write_cernbox_file(folder.file("a.h5"), numbered(3)));
  EXPECT_EQ(read_hdf5_table(folder.file("a.h5"), "t_allpar_new", {"j_q", "j_multiplicity", "j_zlogz"}),
            (std::vector<float>{0, 15, 0, 1, 115, 100, 0, 215, 200}));
}

TEST(ReadHdf5Table, ReadsMoreRowsThanFitOneRead) {
  const ScratchFolder folder;
  ASSERT_TRUE(write_cernbox_file(folder.file("a.h5"), numbered(70'000)));
  std::vector<double> shares;
  const std::vector<float> values =
      read_hdf5_table(folder.file("a.h5"), "t_allpar_new", {"j_zlogz"}, [&](double share) { shares.push_back(share); });
  ASSERT_EQ(values.size(), 70'000u);
  EXPECT_EQ(values.back(), 6'999'900.0f);
  ASSERT_EQ(shares.size(), 2u);
  EXPECT_EQ(shares.back(), 1.0);
}

TEST(ReadHdf5Table, SaysWhatIsMissing) {
  const ScratchFolder folder;
  const auto path = folder.file("a.h5");
  ASSERT_TRUE(write_cernbox_file(path, numbered(3), "t_allpar"));
  EXPECT_EQ(hdf5_error(path, {"j_g"}), ": has no table \"t_allpar_new\"; did you mean \"t_allpar\"? (known: t_allpar)");
  const std::string text = hdf5_error(path, {"j_zlog"}, "t_allpar");
  EXPECT_TRUE(text.starts_with(": table \"t_allpar\" has no column \"j_zlog\"; did you mean \"j_zlogz\"?")) << text;
  EXPECT_EQ(hdf5_error(folder.write("b.h5", "no table"), {"j_g"}), ": is no HDF5 file");
}

TEST(ReadHdf5Table, SaysThatAFileIsTruncated) {
  const ScratchFolder folder;
  ASSERT_TRUE(write_cernbox_file(folder.file("a.h5"), numbered(200)));
  const std::string whole = folder.text("a.h5");
  const auto path = folder.write("b.h5", whole.substr(0, whole.size() - 1000));
  EXPECT_EQ(
      hdf5_error(path, {"j_g"}),
      fmt::format(
          ": is a damaged or truncated HDF5 file: truncated file: eof = {}, sblock->base_addr = 0, stored_eof = {}",
          whole.size() - 1000, whole.size()));
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    folder.write("b.h5", whole.substr(0, size));
    EXPECT_NE(error_text<DataError>([&] { read_hdf5_table(path, "t_allpar_new", {"j_g"}); }), "<no error>") << size;
  }
}

TEST(ReadHdf5Table, PrintsNothingItself) {
  const ScratchFolder folder;
  ASSERT_TRUE(write_cernbox_file(folder.file("a.h5"), numbered(200)));
  const std::string whole = folder.text("a.h5");
  folder.write("b.h5", whole.substr(0, whole.size() / 2));
  ::testing::internal::CaptureStderr();
  hdf5_error(folder.file("b.h5"), {"j_g"});
  hdf5_error(folder.file("a.h5"), {"j_nothing"});
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(HoldsHdf5Table, LooksAtTheContent) {
  const ScratchFolder folder;
  ASSERT_TRUE(write_cernbox_file(folder.file("named.z"), numbered(3)));
  EXPECT_TRUE(holds_hdf5_table(folder.file("named.z"), "t_allpar_new"));
  EXPECT_FALSE(holds_hdf5_table(folder.file("named.z"), "other"));
  EXPECT_FALSE(holds_hdf5_table(folder.write("a.txt", "text"), "t_allpar_new"));
  EXPECT_FALSE(holds_hdf5_table(folder.file("absent"), "t_allpar_new"));
}

std::vector<std::byte> as_bytes(std::string_view text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

TEST(ExpandLzf, CopiesLiteralsAndRepetitions) {
  // Two literals "ab", then 3 + 2 bytes from 2 back, then a long copy (7 + 1 + 2 bytes) from 1 back.
  const std::vector<std::byte> packed =
      as_bytes(std::string_view("\x01"
                                "ab"
                                "\x60\x01"
                                "\xE0\x01\x00",
                                8));
  std::vector<std::byte> expanded(17);
  ASSERT_TRUE(expand_lzf(packed, expanded));
  EXPECT_EQ(expanded, as_bytes("abababaaaaaaaaaaa"));
  std::vector<std::byte> too_small(16), too_large(18);
  EXPECT_FALSE(expand_lzf(packed, too_small));
  EXPECT_FALSE(expand_lzf(packed, too_large));
}

TEST(ExpandLzf, NoticesDamage) {
  std::vector<std::byte> expanded(8);
  EXPECT_FALSE(expand_lzf(as_bytes("\x05"
                                   "ab"),
                          expanded))
      << "literals end early";
  EXPECT_FALSE(expand_lzf(as_bytes("\x01"
                                   "ab"
                                   "\x60\x09"),
                          expanded))
      << "copies from before the beginning";
  EXPECT_FALSE(expand_lzf(as_bytes("\x01"
                                   "ab"
                                   "\xE0"),
                          expanded))
      << "a length is missing";
}

TEST(ReadHdf5Table, ReadsWhatH5pyCompressedWithLzf) {
  // Made by tests/data/make_lzf_file.py with h5py 3.7.
  const auto path = std::filesystem::path(LATHE_SOURCE_DIR) / "tests/data/h5py_lzf.h5";
  const std::vector<float> values = read_hdf5_table(path, "t_allpar_new", {"j_zlogz", "j_g"});
  ASSERT_EQ(values.size(), 400u);
  for (std::size_t row = 0; row < 200; ++row) {
    ASSERT_EQ(values[2 * row], static_cast<float>(row / 10) * 0.5f) << row;
    ASSERT_EQ(values[2 * row + 1], row % 5 == 0 ? 1.0f : 0.0f) << row;
  }
}

}  // namespace
}  // namespace lathe::data
