#include <numeric>

#include "data/scratch_folder.h"
#include "lathe/data/dataset.h"
#include "lathe/data/npz.h"

namespace lathe::data {
namespace {

using testing::error_text;
using testing::npy_text;
using testing::ScratchFolder;

std::vector<float> counted(std::size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0.0f);
  return values;
}

std::vector<std::int64_t> labels(std::size_t count) {
  std::vector<std::int64_t> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<std::int64_t>(i % 2);
  return values;
}

class ArrayShape : public ::testing::Test {
 protected:
  void write_npz(const std::string& name, const std::vector<NamedArray>& arrays) const {
    const std::vector<std::byte> bytes = npz_bytes(arrays);
    folder_.write(name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  std::string error_of(const std::string& name) const {
    const std::string path = folder_.file(name).string();
    return error_text<DataError>([&] { load_dataset({.name = path}); }).substr(path.size());
  }
  ScratchFolder folder_;
};

TEST_F(ArrayShape, ImagesKeepTheirs) {
  folder_.write("X_train.npy", npy_text<float>("<f4", "(20, 2, 3, 2)", counted(240)));
  folder_.write("y_train.npy", npy_text<std::int64_t>("<i8", "(20,)", labels(20)));
  folder_.write("X_test.npy", npy_text<float>("<f4", "(4, 2, 3, 2)", counted(48)));
  folder_.write("y_test.npy", npy_text<std::int64_t>("<i8", "(4,)", labels(4)));
  const Layout first = Layout::kChannelsFirst;
  const auto dataset = load_dataset({.name = folder_.path().string(), .standardise = false, .layout = first});
  EXPECT_EQ(dataset->train.shape, (Shape{2, 3, 2}));
  EXPECT_EQ(dataset->validation.shape, (Shape{2, 3, 2}));
  EXPECT_EQ(dataset->test.features, counted(48));
  // Channel by channel: within a row pixels keep their distances.
  const auto scaled = load_dataset({.name = folder_.path().string(), .layout = first});
  const std::vector<float>& test = scaled->test.features;
  EXPECT_NEAR(test[1] - test[0], test[5] - test[4], 1e-6);
  folder_.write("X_test.npy", npy_text<float>("<f4", "(4, 3, 2, 2)", counted(48)));
  EXPECT_EQ(error_text<DataError>([&] { load_dataset({.name = folder_.path().string(), .layout = first}); }),
            folder_.file("X_test.npy").string() + ": has rows of shape [3, 2, 2]; those to train with have [2, 3, 2]");
}

TEST_F(ArrayShape, PlainRowsHaveNone) {
  folder_.write("X_train.npy", npy_text<float>("<f4", "(20, 3)", counted(60)));
  folder_.write("y_train.npy", npy_text<std::int64_t>("<i8", "(20,)", labels(20)));
  EXPECT_TRUE(load_dataset({.name = folder_.path().string()})->train.shape.empty());
}

TEST_F(ArrayShape, NpzHoldsASet) {
  // As keras.datasets writes its sets.
  const std::vector<float> train = counted(80), test = counted(16);
  const std::vector<std::int64_t> train_labels = labels(20), test_labels = labels(4);
  write_npz("set.npz", {{"x_train", NpyArray::of<float>({20, 2, 2}, train)},
                        {"y_train", NpyArray::of<std::int64_t>({20}, train_labels)},
                        {"x_test", NpyArray::of<float>({4, 2, 2}, test)},
                        {"y_test", NpyArray::of<std::int64_t>({4}, test_labels)}});
  const auto dataset =
      load_dataset({.name = folder_.file("set.npz").string(), .standardise = false, .layout = Layout::kChannelsFirst});
  EXPECT_EQ(dataset->test.features, test);
  EXPECT_EQ(dataset->test.labels, (std::vector<std::int32_t>{0, 1, 0, 1}));
  EXPECT_EQ(dataset->train.shape, (Shape{2, 2}));
  EXPECT_EQ(dataset->fingerprint.source, "arrays (.npz)");
}

TEST_F(ArrayShape, NpzSaysWhatIsAbsent) {
  const std::vector<float> train = counted(40);
  const std::vector<std::int64_t> train_labels = labels(20);
  write_npz("no_train.npz", {{"features", NpyArray::of<float>({20, 2}, train)}});
  EXPECT_EQ(error_of("no_train.npz"), ": holds no array X_train, X_train_val or X");
  write_npz("no_y.npz", {{"X", NpyArray::of<float>({20, 2}, train)}});
  EXPECT_EQ(error_of("no_y.npz"), ": holds X, but no y");
  write_npz("short.npz", {{"X", NpyArray::of<float>({20, 2}, train)},
                          {"y", NpyArray::of<std::int64_t>({10}, std::span(train_labels).first(10))}});
  EXPECT_EQ(error_of("short.npz"),
            " (X.npy): has 20 rows, but " + folder_.file("short.npz").string() + " (y.npy) has 10 labels");
  folder_.write("broken.npz", "PK, but no more");
  EXPECT_TRUE(error_of("broken.npz").starts_with(": is no readable ")) << error_of("broken.npz");
}

}  // namespace
}  // namespace lathe::data
