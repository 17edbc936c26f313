// What y says: labels that count from 0 without gaps, or an error; and which files belong to a set.
#include <limits>

#include "data/scratch_folder.h"
#include "lathe/base/log.h"
#include "lathe/data/dataset.h"
#include "lathe/data/npz.h"

namespace lathe::data {
namespace {

using testing::error_text;
using testing::npy_text;
using testing::ScratchFolder;
using Labels = std::vector<std::int64_t>;

class ArrayLabel : public ::testing::Test {
 protected:
  /// Writes X of 2 columns and y of a part; labels go round.
  void write(const std::string& part, const Labels& round, std::size_t rows = 30, std::int64_t last = -1) const {
    Labels labels;
    for (std::size_t row = 0; row < rows; ++row) labels.push_back(round[row % round.size()]);
    if (last >= 0) labels.back() = last;
    const std::string count = std::to_string(rows);
    folder_.write("X" + part + ".npy", npy_text<float>("<f4", "(" + count + ", 2)", std::vector<float>(2 * rows, 1)));
    folder_.write("y" + part + ".npy", npy_text<std::int64_t>("<i8", "(" + count + ",)", labels));
  }
  DatasetRequest request() const { return {.name = folder_.path().string()}; }
  std::string error_of(const std::string& file) const {
    const std::string path = folder_.file(file).string();
    const std::string text = error_text<DataError>([&] { load_dataset(request()); });
    return text.starts_with(path) ? text.substr(path.size()) : text;
  }
  ScratchFolder folder_;
};

TEST_F(ArrayLabel, ThatCountFromOneAreRefused) {
  write("_train", {1, 2, 3});
  EXPECT_EQ(error_of("y_train.npy"),
            ": label 3 is out of range: no training row has label 0; labels count from 0 without gaps (subtract 1 from "
            "each); class_names.txt in their folder may name classes without rows; numbers to predict need task = "
            "\"regression\"");
}

TEST_F(ArrayLabel, OneThatIsAstrayIsRefused) {
  const std::string end =
      "; labels count from 0 without gaps; class_names.txt in their folder may name classes without rows; numbers to "
      "predict need task = \"regression\"";
  write("_train", {0, 1}, 30, 255);
  EXPECT_EQ(error_of("y_train.npy"), ": label 255 is out of range: no training row has label 2" + end);
  // Nothing is set aside for as many classes.
  write("_train", {0, 1}, 30, std::numeric_limits<std::int32_t>::max() - 1);
  EXPECT_EQ(error_of("y_train.npy"), ": label 2147483646 is out of range: no training row has label 2" + end);
}

TEST_F(ArrayLabel, AClassWithoutTrainingRowsIsRefused) {
  for (const std::string part : {"_val", "_test"}) {
    write("_train", {0, 1});
    write(part, {1, 2}, 6);
    const std::string file = "y" + part + ".npy";
    EXPECT_TRUE(error_of(file).starts_with(": label 2 is out of range: no training row has label 2;"))
        << error_of(file);
    write(part, {0, 1}, 6);
    EXPECT_EQ(load_dataset(request())->classes, 2);
  }
}

TEST_F(ArrayLabel, NamedClassesMayHaveNoRows) {
  write("_train", {0, 1});
  write("_test", {1, 2}, 6);
  folder_.write("class_names.txt", "a\nb\nc\nd\n");
  const log::Capture capture;
  EXPECT_EQ(load_dataset(request())->classes, 4);
  EXPECT_NE(capture.text().find("class c has rows to validate or test with, but none to train with"), std::string::npos)
      << capture.text();
}

TEST_F(ArrayLabel, AColumnOfOneHotRowsThatIsEmptyIsRefused) {
  write("_train", {0, 1});
  std::vector<float> rows;
  for (int row = 0; row < 30; ++row)
    rows.insert(rows.end(), {0.0f, row % 2 == 0 ? 1.0f : 0.0f, row % 2 == 0 ? 0.0f : 1.0f});
  folder_.write("y_train.npy", npy_text<float>("<f4", "(30, 3)", rows));
  EXPECT_TRUE(error_of("y_train.npy").starts_with(": label 2 is out of range: no training row has label 0;"))
      << error_of("y_train.npy");
}

TEST_F(ArrayLabel, NamesOfClassesAreAdvisedWhereTheyAreRead) {
  write("_train", {0, 2});
  EXPECT_NE(error_of("y_train.npy").find("class_names.txt"), std::string::npos);
  const std::string single = folder_.file("X_train.npy").string();
  EXPECT_EQ(error_text<DataError>([&] { load_dataset({.name = single}); }),
            folder_.file("y_train.npy").string() +
                ": label 2 is out of range: no training row has label 1; labels count from 0 without gaps; numbers to "
                "predict need task = \"regression\"");
}

TEST_F(ArrayLabel, NumbersToPredictAskForRegression) {
  write("_train", {0, 1});
  std::vector<double> numbers(30, 2.0);
  numbers[7] = 0.25;
  folder_.write("y_train.npy", npy_text<double>("<f8", "(30,)", numbers));
  EXPECT_EQ(error_of("y_train.npy"),
            ": row 7: expected a whole number; got 0.25 (rows and columns count from 0); for numbers to predict say "
            "task = \"regression\"");
  for (std::size_t row = 0; row < numbers.size(); ++row) numbers[row] = 1e6 * static_cast<double>(row * row);
  folder_.write("y_train.npy", npy_text<double>("<f8", "(30,)", numbers));
  EXPECT_TRUE(error_of("y_train.npy").ends_with("numbers to predict need task = \"regression\""))
      << error_of("y_train.npy");
  DatasetRequest regression = request();
  regression.task = Task::kRegression;
  EXPECT_EQ(load_dataset(regression)->outputs(), 1);
}

TEST_F(ArrayLabel, ValidationRowsHaveSeveralNames) {
  for (const std::string part : {"_val", "_validation", "_valid", "_dev"}) {
    const ScratchFolder& folder = folder_;
    write("_train", {0, 1});
    write(part, {0, 1}, 6);
    EXPECT_EQ(load_dataset(request())->validation.rows(), 6) << part;
    EXPECT_EQ(load_dataset(request())->train.rows(), 24) << part;  // a fifth went to the test part
    std::filesystem::rename(folder.file("X" + part + ".npy"), folder.file("x" + part + ".npy"));
    std::filesystem::rename(folder.file("y" + part + ".npy"), folder.file("Y" + part + ".npy"));
    EXPECT_EQ(load_dataset(request())->validation.rows(), 6) << part;
    std::filesystem::remove(folder.file("x" + part + ".npy"));
    std::filesystem::remove(folder.file("Y" + part + ".npy"));
  }
}

TEST_F(ArrayLabel, FilesThatBelongToNoPartAreNamed) {
  write("_train", {0, 1});
  write("_eval", {0, 1}, 6);
  folder_.write("notes.npy", "");
  log::Capture capture;
  load_dataset(request());
  EXPECT_NE(capture.text().find(folder_.path().string() + ": X_eval.npy, y_eval.npy are not read: a set has"),
            std::string::npos)
      << capture.text();
  EXPECT_EQ(capture.text().find("notes.npy"), std::string::npos);
  load_dataset({.name = folder_.file("X_train.npy").string()});
  EXPECT_NE(capture.text().find("beside it X_eval.npy, y_eval.npy are not read; give the folder"), std::string::npos)
      << capture.text();
}

TEST_F(ArrayLabel, ArraysOfANpzThatBelongToNoPartAreNamed) {
  const std::vector<float> features(40);
  Labels labels(20);
  for (std::size_t i = 0; i < 20; ++i) labels[i] = static_cast<std::int64_t>(i % 2);
  const std::vector<std::byte> bytes =
      npz_bytes(std::vector<NamedArray>{{"x_train", NpyArray::of<float>({20, 2}, features)},
                                        {"y_train", NpyArray::of<std::int64_t>({20}, labels)},
                                        {"x_dev", NpyArray::of<float>({20, 2}, features)},
                                        {"y_dev", NpyArray::of<std::int64_t>({20}, labels)},
                                        {"x_more", NpyArray::of<float>({20, 2}, features)},
                                        {"years", NpyArray::of<float>({20, 2}, features)}});
  const auto path = folder_.write("set.npz", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  const log::Capture capture;
  EXPECT_EQ(load_dataset({.name = path.string()})->validation.rows(), 20);
  EXPECT_NE(capture.text().find("set.npz: x_more is not read"), std::string::npos) << capture.text();
  EXPECT_EQ(capture.text().find("years"), std::string::npos) << capture.text();
}

}  // namespace
}  // namespace lathe::data
