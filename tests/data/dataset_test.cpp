#include "lathe/data/dataset.h"

#include <cmath>
#include <map>
#include <set>

#include "data/scratch_folder.h"
#include "lathe/data/folders.h"
#include "lathe/data/jets.h"
#include "lathe/data/prepare.h"

namespace lathe::data {
namespace {

using testing::error_text;
using testing::npy_text;
using testing::ScopedVariable;
using testing::ScratchFolder;

DatasetRequest request(const std::string& name, const std::filesystem::path& folder = {}) {
  return {.name = name, .data_dir = folder, .seed = 1};
}

std::string data_error(const DatasetRequest& wanted) {
  return error_text<DataError>([&] { load_dataset(wanted); });
}

/// Keeps the user's own data out of a test.
class DatasetTest : public ::testing::Test {
 protected:
  ScratchFolder folder_;
  ScopedVariable cache_{"XDG_CACHE_HOME", (folder_.path() / "cache").string()};
  ScopedVariable data_{"LATHE_DATA_DIR", ""};
};
using DatasetRegistry = DatasetTest;
using Jets = DatasetTest;
using ToyTiny = DatasetTest;
using Arrays = DatasetTest;
using Absent = DatasetTest;

/// Checks what every data set promises.
void expect_sound(const Dataset& dataset) {
  EXPECT_EQ(static_cast<std::int64_t>(dataset.preprocessing.class_names.size()), dataset.classes);
  for (const Samples* part : {&dataset.train, &dataset.validation, &dataset.test}) {
    EXPECT_GT(part->rows(), 0);
    EXPECT_EQ(part->width, dataset.train.width);
    EXPECT_EQ(static_cast<std::int64_t>(part->features.size()), part->rows() * part->width);
    for (const float value : part->features) ASSERT_TRUE(std::isfinite(value));
    for (const std::int32_t label : part->labels) ASSERT_TRUE(label >= 0 && label < dataset.classes);
  }
  EXPECT_EQ(static_cast<std::int64_t>(dataset.preprocessing.feature_names.size()), dataset.train.width);
  EXPECT_EQ(dataset.fingerprint.hash, hash_parts(dataset));
  EXPECT_EQ(dataset.fingerprint.train_rows, dataset.train.rows());
  EXPECT_EQ(dataset.fingerprint.validation_rows, dataset.validation.rows());
  EXPECT_EQ(dataset.fingerprint.test_rows, dataset.test.rows());
}

void expect_standardised(const Samples& samples) {
  for (std::int64_t column = 0; column < samples.width; ++column) {
    double sum = 0.0, squares = 0.0;
    for (std::int64_t row = 0; row < samples.rows(); ++row) {
      const double value = samples.features[static_cast<std::size_t>(row * samples.width + column)];
      sum += value;
      squares += value * value;
    }
    EXPECT_NEAR(sum / static_cast<double>(samples.rows()), 0.0, 1e-5) << column;
    EXPECT_NEAR(squares / static_cast<double>(samples.rows()), 1.0, 1e-5) << column;
  }
}

TEST_F(DatasetRegistry, NamesAreUniqueAndDescribed) {
  std::set<std::string> names;
  for (const DatasetKind& kind : dataset_kinds()) {
    EXPECT_TRUE(names.insert(kind.name).second) << kind.name;
    for (const std::string& alias : kind.aliases) EXPECT_TRUE(names.insert(alias).second) << alias;
    EXPECT_FALSE(kind.description.empty()) << kind.name;
    EXPECT_EQ(kind.url.empty(), kind.file_name.empty()) << kind.name;
    EXPECT_NE(kind.load, nullptr) << kind.name;
  }
}

TEST_F(DatasetRegistry, UnknownNameShowsTheNearest) {
  EXPECT_EQ(
      error_text<UserError>([] { load_dataset(request("jest")); }),
      "dataset: unknown data set \"jest\"; did you mean \"jets\"? (known: jets, jsc, jsc-openml, toy_tiny, cifar10, "
      "mnist, fashion-mnist, arrays)");
}

TEST_F(Jets, BundledSampleIsFoundWithoutAnySetting) {
  const auto dataset = load_dataset(request("jets"));
  expect_sound(*dataset);
  expect_standardised(dataset->train);
  EXPECT_EQ(dataset->train.rows(), 45'000);
  EXPECT_EQ(dataset->validation.rows(), 5'000);
  EXPECT_EQ(dataset->test.rows(), 8'000);
  EXPECT_EQ(dataset->train.width, 16);
  EXPECT_EQ(dataset->preprocessing.class_names, (std::vector<std::string>{"g", "q", "w", "z", "t"}));
  EXPECT_EQ(dataset->preprocessing.feature_names.front(), "zlogz");
  EXPECT_EQ(dataset->fingerprint.source, "simulated jets (lathe jets, bundled sample)");
  EXPECT_EQ(dataset->fingerprint.notice, "");
  std::map<std::int32_t, int> counts;
  for (const std::int32_t label : dataset->test.labels) ++counts[label];
  for (const auto& [label, count] : counts) EXPECT_EQ(count, 1600) << label;
}

TEST_F(Jets, AreTheSameWheneverTheyAreLoaded) {
  EXPECT_EQ(load_dataset(request("jets"))->fingerprint.hash, load_dataset(request("jets"))->fingerprint.hash);
  DatasetRequest other = request("jets");
  other.seed = 2;
  EXPECT_NE(load_dataset(request("jets"))->fingerprint.hash, load_dataset(other)->fingerprint.hash);
}

TEST_F(Jets, AreScaledWithTheTrainingRowsAlone) {
  DatasetRequest raw = request("jets");
  raw.standardise = false;
  const auto unscaled = load_dataset(raw);
  const auto scaled = load_dataset(request("jets"));
  double sum = 0.0, squares = 0.0;
  const auto rows = static_cast<std::size_t>(unscaled->train.rows());
  for (std::size_t row = 0; row < rows; ++row) sum += unscaled->train.features[row * 16 + 14];
  const double mean = sum / static_cast<double>(rows);
  for (std::size_t row = 0; row < rows; ++row) squares += std::pow(unscaled->train.features[row * 16 + 14] - mean, 2);
  const double deviation = std::sqrt(squares / static_cast<double>(rows));
  EXPECT_NEAR(scaled->test.features[14], (unscaled->test.features[14] - mean) / deviation, 1e-5);
}

TEST_F(Jets, FingerprintChangesWithASingleValue) {
  Dataset copy = *load_dataset(request("jets"));
  const std::string before = hash_parts(copy);
  copy.test.features[12'345] = std::nextafter(copy.test.features[12'345], 1e9f);
  EXPECT_NE(hash_parts(copy), before);
  copy = *load_dataset(request("jets"));
  copy.validation.labels[17] = (copy.validation.labels[17] + 1) % 5;
  EXPECT_NE(hash_parts(copy), before);
}

TEST_F(Jets, ReadsTheFullSet) {
  const char* given = std::getenv("LATHE_TEST_DATA");
  const std::filesystem::path data =
      given ? std::filesystem::path(given) : std::filesystem::path(LATHE_SOURCE_DIR) / "../shared/data";
  if (!is_jets_folder(data / "jets")) GTEST_SKIP() << data << " has no folder jets (set LATHE_TEST_DATA)";
  DatasetRequest wanted = request("jets", data);
  wanted.validation_rows = 16'000;
  const auto dataset = load_dataset(wanted);
  expect_sound(*dataset);
  expect_standardised(dataset->train);
  EXPECT_EQ(dataset->train.rows(), 144'000);
  EXPECT_EQ(dataset->validation.rows(), 16'000);
  EXPECT_EQ(dataset->test.rows(), 20'000);
  EXPECT_EQ(dataset->fingerprint.source, "simulated jets (lathe jets)");
}

TEST_F(ToyTiny, IsAlwaysTheSame) {
  const auto dataset = load_dataset(request("toy_tiny"));
  expect_sound(*dataset);
  EXPECT_EQ(dataset->train.width, 4);
  EXPECT_EQ(dataset->train.rows(), 10'240);
  EXPECT_EQ(dataset->validation.rows(), 10'240);
  EXPECT_EQ(dataset->test.rows(), 10'240);
  for (std::size_t row = 0; row < 100; ++row) {
    double sum = 0.0;
    for (std::size_t column = 0; column < 4; ++column) sum += dataset->test.features[row * 4 + column];
    EXPECT_EQ(dataset->test.labels[row], sum > 0 ? 1 : 0);
  }
  DatasetRequest fewer = request("toy_tiny");
  fewer.validation_rows = 100;
  fewer.max_train_rows = 200;
  EXPECT_EQ(load_dataset(fewer)->validation.rows(), 100);
  EXPECT_EQ(load_dataset(fewer)->train.rows(), 200);
  fewer.validation_rows = 20'000;
  EXPECT_EQ(error_text<UserError>([&] { load_dataset(fewer); }),
            "validation_rows: must be between 1 and 10240 (the data set's own validation part); got 20000");
}

TEST_F(Arrays, ReadsAFolderInTheTutorialsLayout) {
  std::vector<float> features;
  std::vector<double> one_hot;
  for (int row = 0; row < 40; ++row) {
    features.insert(features.end(), {static_cast<float>(row), static_cast<float>(row * row), 1.0f});
    for (int label = 0; label < 3; ++label) one_hot.push_back(row % 3 == label ? 1.0 : 0.0);
  }
  folder_.write("X_train_val.npy", npy_text("<f4", "(40, 3)", features));
  folder_.write("y_train_val.npy", npy_text("<f8", "(40, 3)", one_hot));
  folder_.write("X_test.npy", npy_text("<f8", "(2, 3)", std::vector<double>{1, 2, 3, 4, 5, 6}));
  folder_.write("y_test.npy", npy_text("<i4", "(2,)", std::vector<std::int32_t>{2, 0}));
  folder_.write("class_names.txt", "red\ngreen\nblue\n");
  const auto dataset = load_dataset(request(folder_.path().string()));
  expect_sound(*dataset);
  EXPECT_EQ(dataset->classes, 3);
  EXPECT_EQ(dataset->preprocessing.class_names, (std::vector<std::string>{"red", "green", "blue"}));
  EXPECT_EQ(dataset->train.rows(), 36);
  EXPECT_EQ(dataset->validation.rows(), 4);
  EXPECT_EQ(dataset->test.labels, (std::vector<std::int32_t>{2, 0}));
}

TEST_F(Arrays, ReadsACsvFileByItsPath) {
  std::string text = "a,class,b\n";
  for (int row = 0; row < 50; ++row) text += fmt::format("{},{},{}\n", row, row % 2 == 0 ? "cat" : "dog", row * 2);
  const auto path = folder_.write("pets.csv", text);
  const auto dataset = load_dataset(request(path.string()));
  expect_sound(*dataset);
  EXPECT_EQ(dataset->name, "pets.csv");
  EXPECT_EQ(dataset->preprocessing.feature_names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(dataset->preprocessing.class_names, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(dataset->test.rows(), 10);
  EXPECT_EQ(dataset->validation.rows(), 4);
  EXPECT_EQ(load_dataset(request("pets.csv", folder_.path()))->fingerprint.hash, dataset->fingerprint.hash);
}

TEST_F(Arrays, ReadsASinglePair) {
  const auto path = folder_.write("X.npy", npy_text("<f4", "(10, 2)", std::vector<float>(20, 1.0f)));
  EXPECT_EQ(data_error(request(path.string())), fmt::format("{}: has no labels beside it ({} does not exist)",
                                                            path.string(), folder_.file("y.npy").string()));
  folder_.write("y.npy", npy_text("<i8", "(10, 1)", std::vector<std::int64_t>{0, 1, 0, 1, 0, 1, 0, 1, 0, 1}));
  const auto dataset = load_dataset(request(path.string()));
  expect_sound(*dataset);
  EXPECT_EQ(dataset->test.rows(), 2);
  EXPECT_EQ(dataset->preprocessing.class_names, (std::vector<std::string>{"0", "1"}));
}

/// Writes the jets layout with three training rows and one test row that the caller may spoil.
void write_small_jets(const ScratchFolder& folder, const std::vector<float>& train,
                      const std::vector<std::int32_t>& labels) {
  for (const char* name : {"feature_names.txt", "class_names.txt"}) {
    std::filesystem::copy_file(bundled_jets_folder() / name, folder.file(name));
  }
  folder.write("X_train.npy", npy_text("<f4", fmt::format("({}, 16)", train.size() / 16), train));
  folder.write("y_train.npy", npy_text("<i4", fmt::format("({},)", labels.size()), labels));
  folder.write("X_test.npy", npy_text("<f4", "(1, 16)", std::vector<float>(16)));
  folder.write("y_test.npy", npy_text("<i4", "(1,)", std::vector<std::int32_t>{0}));
}

TEST_F(Jets, NanIsReportedWithRowAndColumn) {
  std::vector<float> train(6 * 16, 1.0f);
  train[3 * 16 + 2] = NAN;
  write_small_jets(folder_, train, {0, 1, 2, 3, 4, 0});
  EXPECT_EQ(data_error(request("jets", folder_.path())),
            folder_.file("X_train.npy").string() +
                ": row 3, column 2 (c1_b1_mmdt): expected a finite number; got nan (rows and columns count from 0)");
}

TEST_F(Jets, LabelOutOfRangeIsReportedWithItsRow) {
  write_small_jets(folder_, std::vector<float>(6 * 16, 1.0f), {0, 1, 2, 3, 5, 0});
  EXPECT_EQ(data_error(request("jets", folder_.path())),
            folder_.file("y_train.npy").string() +
                ": row 4: label 5 is out of range; there are 5 classes, 0 to 4 (rows count from 0)");
}

TEST_F(Jets, NegativeLabelIsReportedWithItsRow) {
  write_small_jets(folder_, std::vector<float>(6 * 16, 1.0f), {0, 1, 2, 3, -1, 0});
  EXPECT_EQ(data_error(request("jets", folder_.path())),
            folder_.file("y_train.npy").string() +
                ": row 4: label -1 is out of range; labels count from 0 (rows count from 0)");
}

TEST_F(Jets, DifferentRowCountsAreReported) {
  write_small_jets(folder_, std::vector<float>(6 * 16, 1.0f), {0, 1, 2, 3, 4});
  EXPECT_EQ(data_error(request("jets", folder_.path())),
            fmt::format("{}: has 6 rows, but {} has 5 labels", folder_.file("X_train.npy").string(),
                        folder_.file("y_train.npy").string()));
}

TEST_F(Jets, WrongWidthAndTooFewRowsAreReported) {
  write_small_jets(folder_, std::vector<float>(2 * 16, 1.0f), {0, 1});
  EXPECT_EQ(data_error(request("jets", folder_.path())),
            folder_.path().string() + ": has 2 training rows; at least 5 are needed");
  folder_.write("X_test.npy", npy_text("<f4", "(1, 15)", std::vector<float>(15)));
  EXPECT_EQ(data_error(request("jets", folder_.path())),
            folder_.file("X_test.npy").string() + ": has 15 columns; expected 16");
  folder_.write("X_test.npy", npy_text("<f4", "(0, 16)", std::vector<float>{}));
  EXPECT_EQ(data_error(request("jets", folder_.path())), folder_.file("X_test.npy").string() + ": has no rows");
}

TEST_F(Absent, SaysEveryPlaceAndHowToGetIt) {
  const ScopedVariable data("LATHE_DATA_DIR", folder_.path().string());
  EXPECT_EQ(
      data_error(request("jsc")),
      fmt::format(
          "data set \"jsc\" was not found. Looked in:\n"
          "  {0} (LATHE_DATA_DIR)\n"
          "  {0}/cache/lathe (cache folder): does not exist\n"
          "for the CERNBox file (processed-pythia82-lhc13-all-pt1-50k-r1_h022_e0175_t220_nonu_truth.z, or any HDF5 "
          "file with the table t_allpar_new), the OpenML table (hls4ml_lhc_jets_hlf.arff or .csv), the hls4ml "
          "tutorial's arrays (X_train_val.npy, ...), or simulated jets.\n"
          "Say where it is with --data-dir DIR, `data_dir = \"DIR\"` in the file, or the environment variable "
          "LATHE_DATA_DIR, or download it with `lathe data fetch jsc`.",
          folder_.path().string()));
}

TEST_F(Absent, AGivenFolderIsTheOnlyPlace) {
  EXPECT_EQ(search_folders(request("jets", "/some/where")), std::vector<std::filesystem::path>{"/some/where"});
  EXPECT_EQ(search_folders(request("jets")),
            (std::vector<std::filesystem::path>{folder_.path() / "cache/lathe", bundled_jets_folder()}));
  EXPECT_TRUE(data_error(request("jets", folder_.path() / "none")).find("none (data_dir): does not exist") !=
              std::string::npos);
}

}  // namespace
}  // namespace lathe::data
