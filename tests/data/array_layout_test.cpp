// Where the channels of arrays are: told by the shape, by `layout`, or asked for.
#include "lathe/data/array_layout.h"

#include <numeric>

#include "data/scratch_folder.h"
#include "lathe/base/log.h"

namespace lathe::data {
namespace {

using testing::error_text;
using testing::npy_text;
using testing::ScratchFolder;

enum class Told { kFirst, kLast, kAsks };

Told told(const Shape& row) {
  try {
    return channels_come_last(row, Layout::kAuto, "X.npy") ? Told::kLast : Told::kFirst;
  } catch (const DataError&) {
    return Told::kAsks;
  }
}

TEST(ArrayLayout, IsToldByTheShapeWhereItLeavesNoDoubt) {
  for (const Shape& row : {Shape{3, 32, 32},
                           {1, 28, 28},
                           {2, 16, 16},
                           {3, 120, 160},
                           {16, 8, 8},

                           {9, 128},
                           {1, 100},
                           {4, 16},
                           {1, 16, 32, 32}}) {
    EXPECT_EQ(told(row), Told::kFirst) << to_string(row);
  }
  for (const Shape& row : {Shape{32, 32, 3},
                           {28, 28, 1},
                           {120, 160, 3},
                           {480, 640, 4},
                           {16, 16, 2},
                           {8, 8, 16},
                           {128, 9},
                           {100, 1},
                           {16, 32, 32, 3}}) {
    EXPECT_EQ(told(row), Told::kLast) << to_string(row);
  }
  for (const Shape& row : {Shape{8, 8, 8},
                           {3, 32, 3},
                           {3, 3, 32},
                           {32, 3, 3},
                           {12, 100, 7},
                           {120, 160, 2},
                           {28, 28},
                           {20, 300},
                           {10, 20},
                           {1, 1},
                           {64, 128},
                           {1, 1, 40},
                           {16, 1, 1}}) {
    EXPECT_EQ(told(row), Told::kAsks) << to_string(row);
  }
}

TEST(ArrayLayout, AsksWithBothReadings) {
  EXPECT_EQ(error_text<DataError>([] {
              channels_come_last({8, 8, 8}, Layout::kAuto, "X.npy");
            }),
            "X.npy: has rows of shape [8, 8, 8], which does not tell where the channels are; say layout = "
            "\"channels_first\" (8 channels of 8 x 8) or layout = \"channels_last\" (8 channels of 8 x 8)");
  EXPECT_EQ(error_text<DataError>([] {
              channels_come_last({20, 10}, Layout::kAuto, "X.npy");
            }),
            "X.npy: has rows of shape [20, 10], which does not tell where the channels are; say layout = "
            "\"channels_first\" (20 channels of length 10) or layout = \"channels_last\" (10 channels of length 20)");
}

TEST(ArrayLayout, OneThatIsSaidIsTaken) {
  EXPECT_TRUE(channels_come_last({3, 32, 32}, Layout::kChannelsLast, "X.npy"));
  EXPECT_FALSE(channels_come_last({32, 32, 3}, Layout::kChannelsFirst, "X.npy"));
}

TEST(ArrayLayout, ChannelsAreMovedToTheFront) {
  std::vector<float> values(2 * 12);
  std::iota(values.begin(), values.end(), 0.0f);
  EXPECT_EQ(move_channels_first({2, 3, 2}, values), (Shape{2, 2, 3}));
  EXPECT_EQ(values,
            (std::vector<float>{0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11, 12, 14, 16, 18, 20, 22, 13, 15, 17, 19, 21, 23}));
}

/// Writes images [rows, 5, 5, 3] whose value is their channel, in both layouts.
class ArrayLayoutFolder : public ::testing::Test {
 protected:
  static constexpr int kRows = 20;

  void write(bool last, const std::string& part = "_train") {
    std::vector<float> values;
    for (int row = 0; row < kRows; ++row)
      for (int i = 0; i < 75; ++i) values.push_back(static_cast<float>(row * 100 + (last ? i % 3 : i / 25)));
    folder_.write("X" + part + ".npy", npy_text<float>("<f4", last ? "(20, 5, 5, 3)" : "(20, 3, 5, 5)", values));
    std::vector<std::int64_t> labels;
    for (int row = 0; row < kRows; ++row) labels.push_back(row % 2);
    folder_.write("y" + part + ".npy", npy_text<std::int64_t>("<i8", "(20,)", labels));
  }
  std::shared_ptr<const Dataset> load(Layout layout = Layout::kAuto) const {
    return load_dataset({.name = folder_.path().string(), .layout = layout});
  }
  ScratchFolder folder_;
};

TEST_F(ArrayLayoutFolder, BothLayoutsGiveTheSameRows) {
  write(false);
  const auto first = load();
  write(true);
  const log::Capture capture;
  const auto last = load();
  EXPECT_EQ(last->train.shape, (Shape{3, 5, 5}));
  EXPECT_EQ(last->fingerprint.hash, first->fingerprint.hash);
  EXPECT_EQ(load(Layout::kChannelsLast)->fingerprint.hash, first->fingerprint.hash);
  EXPECT_NE(load(Layout::kChannelsFirst)->fingerprint.hash, first->fingerprint.hash);
  EXPECT_NE(capture.text().find("X_train.npy: rows of shape [5, 5, 3] are read as 3 channels of 5 x 5"),
            std::string::npos)
      << capture.text();
}

TEST_F(ArrayLayoutFolder, PartsOfAnotherLayoutAreRefused) {
  write(true);
  write(false, "_test");
  EXPECT_EQ(error_text<DataError>([&] { load(); }),
            folder_.file("X_test.npy").string() + ": has rows of shape [5, 3, 5]; those to train with have [3, 5, 5]");
}

TEST_F(ArrayLayoutFolder, RowsWithoutChannelsHaveNone) {
  write(true);
  folder_.write("X_train.npy", npy_text<float>("<f4", "(20, 5)", std::vector<float>(100)));
  EXPECT_EQ(error_text<UserError>([&] { load(Layout::kChannelsLast); }),
            "layout: " + folder_.file("X_train.npy").string() +
                " has rows of 5 numbers without channels; only images and sequences have a layout");
  EXPECT_EQ(error_text<UserError>([] { load_dataset({.name = "toy_tiny", .layout = Layout::kChannelsLast}); }),
            "layout: is of arrays of images and sequences (.npy, .npz); data set toy_tiny holds none");
}

TEST_F(ArrayLayoutFolder, BytesAreBroughtIntoZeroToOneWhereNothingIsStandardised) {
  std::vector<std::uint8_t> bytes;
  std::vector<float> floats, scaled;
  for (int i = 0; i < kRows * 50; ++i) {
    bytes.push_back(static_cast<std::uint8_t>(i % 256));
    floats.push_back(static_cast<float>(i % 256));
    scaled.push_back(static_cast<float>(i % 256) / 255.0f);
  }
  write(false);
  const auto hash_of = [&](const std::string& text, bool standardise) {
    folder_.write("X_train.npy", text);
    return load_dataset({.name = folder_.path().string(), .standardise = standardise})->fingerprint.hash;
  };
  const std::string as_bytes = npy_text<std::uint8_t>("|u1", "(20, 2, 5, 5)", bytes);
  const std::string as_floats = npy_text<float>("<f4", "(20, 2, 5, 5)", floats);
  EXPECT_EQ(hash_of(as_bytes, false), hash_of(npy_text<float>("<f4", "(20, 2, 5, 5)", scaled), false));
  EXPECT_NE(hash_of(as_floats, false), hash_of(as_bytes, false));
  EXPECT_EQ(hash_of(as_bytes, true), hash_of(as_floats, true));
  // Rows without channels are no images: their bytes are numbers like others.
  const std::string plain_floats = npy_text<float>("<f4", "(20, 50)", floats);
  EXPECT_EQ(hash_of(npy_text<std::uint8_t>("|u1", "(20, 50)", bytes), false), hash_of(plain_floats, false));
  folder_.write("X_test.npy", as_floats);
  folder_.write("y_test.npy", folder_.text("y_train.npy"));
  // However they are scaled.
  for (const bool standardise : {false, true}) {
    EXPECT_EQ(error_text<DataError>([&] { hash_of(as_bytes, standardise); }),
              folder_.file("X_test.npy").string() + ": holds other numbers than " +
                  folder_.file("X_train.npy").string() + ", which has bytes; save both alike");
  }
}

TEST_F(ArrayLayoutFolder, BytesWhereTheWeightsKnowOtherNumbersAreSaid) {
  const std::string as_bytes = npy_text<std::uint8_t>("|u1", "(20, 2, 5, 5)", std::vector<std::uint8_t>(1000, 7));
  const std::string as_floats = npy_text<float>("<f4", "(20, 2, 5, 5)", std::vector<float>(1000, 0.5f));
  write(false);
  const auto load = [&](const std::string& text, std::shared_ptr<const Preprocessing> trained) {
    folder_.write("X_train.npy", text);
    return load_dataset({.name = folder_.path().string(), .standardise = false, .trained = std::move(trained)});
  };
  const auto warning = [&](const std::string& trained, const std::string& rows) {
    const auto known = std::make_shared<const Preprocessing>(load(trained, nullptr)->preprocessing);
    const log::Capture capture;
    load(rows, known);
    return capture.text();
  };
  EXPECT_NE(warning(as_bytes, as_floats).find("trained on bytes divided by 255; these rows are no bytes"),
            std::string::npos);
  EXPECT_NE(warning(as_floats, as_bytes).find("these rows are bytes, 0 to 255, and are taken as they are"),
            std::string::npos);
  EXPECT_EQ(warning(as_bytes, as_bytes).find("bytes"), std::string::npos);
  EXPECT_EQ(warning(as_floats, as_floats).find("bytes"), std::string::npos);
}

}  // namespace
}  // namespace lathe::data
