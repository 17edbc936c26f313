#include <map>
#include <set>

#include "data/cernbox_file.h"
#include "data/scratch_folder.h"
#include "lathe/data/dataset.h"
#include "lathe/data/folders.h"
#include "lathe/data/jets.h"
#include "lathe/data/split.h"

namespace lathe::data {
namespace {

using testing::error_text;
using testing::npy_text;
using testing::ScratchFolder;
using testing::write_cernbox_file;

DatasetRequest request(const std::filesystem::path& folder, const std::string& name = "jsc") {
  return {.name = name, .data_dir = folder, .seed = 1};
}

/// Returns the first rows of the bundled jets, raw; they have JSC's features.
Samples some_jets(std::uint32_t count) {
  Rows rows;
  for (std::uint32_t row = 0; row < count; ++row) rows.push_back(row);
  return take_rows(read_jets(bundled_jets_folder()).train, rows);
}

std::string jsc_error(const std::filesystem::path& folder) {
  return error_text<DataError>([&] { load_dataset(request(folder)); });
}

TEST(JscCernbox, IsReadByItsPublishedName) {
  const ScratchFolder folder;
  const auto path = folder.file("processed-pythia82-lhc13-all-pt1-50k-r1_h022_e0175_t220_nonu_truth.z");
  ASSERT_TRUE(write_cernbox_file(path, some_jets(1000)));
  const auto dataset = load_dataset(request(folder.path()));
  EXPECT_EQ(dataset->name, "jsc");
  EXPECT_EQ(dataset->train.rows(), 720);
  EXPECT_EQ(dataset->validation.rows(), 80);
  EXPECT_EQ(dataset->test.rows(), 200);
  EXPECT_EQ(dataset->train.width, 16);
  EXPECT_EQ(dataset->preprocessing.class_names, (std::vector<std::string>{"g", "q", "w", "z", "t"}));
  EXPECT_EQ(dataset->fingerprint.source, "JSC, CERNBox file (HDF5)");
  EXPECT_EQ(dataset->fingerprint.path, path.string());
  EXPECT_EQ(dataset->fingerprint.notice, "");
}

TEST(JscCernbox, IsFoundUnderAnyNameByItsContent) {
  const ScratchFolder folder;
  std::filesystem::create_directories(folder.file("jsc"));
  ASSERT_TRUE(write_cernbox_file(folder.file("jsc/mine.h5"), some_jets(100)));
  EXPECT_EQ(load_dataset(request(folder.path()))->fingerprint.source, "JSC, CERNBox file (HDF5)");
  EXPECT_EQ(load_dataset(request(folder.file("jsc/mine.h5")))->test.rows(), 20);
}

TEST(JscCernbox, LeavesOutRepeatedRows) {
  const ScratchFolder folder;
  Samples samples = some_jets(100);
  const Samples again = take_rows(samples, {3, 50, 3});
  samples.features.insert(samples.features.end(), again.features.begin(), again.features.end());
  samples.labels.insert(samples.labels.end(), again.labels.begin(), again.labels.end());
  ASSERT_TRUE(write_cernbox_file(folder.file("a.h5"), samples));
  const auto dataset = load_dataset(request(folder.path()));
  EXPECT_EQ(dataset->train.rows() + dataset->validation.rows() + dataset->test.rows(), 100);
}

TEST(JscCernbox, TestRowsDoNotDependOnTheSeed) {
  const ScratchFolder folder;
  ASSERT_TRUE(write_cernbox_file(folder.file("a.h5"), some_jets(200)));
  DatasetRequest raw = request(folder.path());
  raw.standardise = false;
  const auto first = load_dataset(raw);
  raw.seed = 99;
  const auto second = load_dataset(raw);
  EXPECT_EQ(first->test.features, second->test.features);
  EXPECT_NE(first->validation.features, second->validation.features);
}

TEST(JscCernbox, ReportsDamage) {
  const ScratchFolder folder;
  const auto path = folder.file("a.h5");
  ASSERT_TRUE(write_cernbox_file(path, some_jets(200)));
  const std::string whole = folder.text("a.h5");
  folder.write("a.h5", whole.substr(0, whole.size() / 2));
  EXPECT_TRUE(
      jsc_error(folder.path()).starts_with(path.string() + ": is a damaged or truncated HDF5 file: truncated file"));
  ASSERT_TRUE(write_cernbox_file(path, some_jets(200), "t_allpar_new", "j_mass_mmdt"));
  EXPECT_TRUE(
      jsc_error(folder.path()).starts_with(path.string() + ": table \"t_allpar_new\" has no column \"j_mass_mmdt\""));
  Samples unlabelled = some_jets(20);
  unlabelled.labels[7] = -1;
  ASSERT_TRUE(write_cernbox_file(path, unlabelled));
  EXPECT_EQ(jsc_error(folder.path()),
            path.string() +
                ": row 7: j_g, j_q, j_w, j_z, j_t are 0, 0, 0, 0, 0; expected a single 1 among 0s (rows count from 0)");
  Samples broken = some_jets(20);
  broken.features[5 * 16 + 14] = std::numeric_limits<float>::infinity();
  ASSERT_TRUE(write_cernbox_file(path, broken));
  EXPECT_EQ(jsc_error(folder.path()),
            path.string() +
                ": row 5, column 14 (j_mass_mmdt): expected a finite number; got inf (rows and columns count from 0)");
}

/// Writes the OpenML table, its columns in another order and the class in the middle where `shuffled`.
std::string openml_rows(const Samples& samples, bool prefix, bool arff) {
  const std::vector<std::string> columns = testing::cernbox_columns();
  std::string header = arff ? "@RELATION hls4ml_lhc_jets_hlf\n" : "";
  for (std::size_t i = 0; i < 16; ++i) {
    const std::string name = prefix ? columns[i] : columns[i].substr(2);
    header += arff ? fmt::format("@ATTRIBUTE {} REAL\n", name) : name + ",";
  }
  header += arff ? "@ATTRIBUTE class {g, q, t, w, z}\n@DATA\n" : "class\n";
  const char* const names[] = {"g", "q", "w", "z", "t"};
  for (std::size_t row = 0; row < samples.labels.size(); ++row) {
    for (std::size_t i = 0; i < 16; ++i) header += fmt::format("{},", samples.features[row * 16 + i]);
    header += fmt::format("{}\n", names[samples.labels[row]]);
  }
  return header;
}

TEST(JscOpenml, ArffAndCsvWithAndWithoutPrefixGiveTheSameRows) {
  const Samples samples = some_jets(500);
  std::set<std::string> hashes;
  for (const bool prefix : {false, true}) {
    for (const bool arff : {false, true}) {
      const ScratchFolder folder;
      folder.write(arff ? "hls4ml_lhc_jets_hlf.arff" : "jets.csv", openml_rows(samples, prefix, arff));
      const auto dataset = load_dataset(request(folder.path()));
      EXPECT_EQ(dataset->preprocessing.class_names, (std::vector<std::string>{"g", "q", "t", "w", "z"}));
      EXPECT_EQ(dataset->fingerprint.source, arff ? "JSC, OpenML 42468 (ARFF)" : "JSC, OpenML 42468 (CSV)");
      EXPECT_EQ(dataset->test.rows(), 100);
      hashes.insert(dataset->fingerprint.hash);
      EXPECT_EQ(load_dataset(request(folder.path(), "jsc-openml"))->name, "jsc-openml");
    }
  }
  EXPECT_EQ(hashes.size(), 1u);
}

TEST(JscOpenml, LabelsFollowTheClassNames) {
  const ScratchFolder folder;
  const Samples samples = some_jets(500);
  std::map<std::string, int> expected, found;
  const std::vector<std::string> names = {"g", "q", "w", "z", "t"};
  for (const std::int32_t label : samples.labels) ++expected[names[static_cast<std::size_t>(label)]];
  folder.write("jets.csv", openml_rows(samples, false, false));
  const auto dataset = load_dataset(request(folder.path()));
  for (const Samples* part : {&dataset->train, &dataset->validation, &dataset->test}) {
    for (const std::int32_t label : part->labels)
      ++found[dataset->preprocessing.class_names[static_cast<std::size_t>(label)]];
  }
  EXPECT_EQ(found, expected);
}

TEST(JscOpenml, UnknownClassIsReported) {
  const ScratchFolder folder;
  std::string text = openml_rows(some_jets(20), false, false);
  text.replace(text.size() - 2, 1, "b");
  const auto path = folder.write("jets.csv", text);
  EXPECT_EQ(jsc_error(folder.path()),
            path.string() + ": column \"class\": unknown class \"b\"; expected g, q, t, w or z");
}

TEST(JscArrays, TutorialsArraysAreRead) {
  const ScratchFolder folder;
  const Samples samples = some_jets(60);
  std::vector<double> one_hot(300, 0.0);
  for (std::size_t row = 0; row < 60; ++row) one_hot[row * 5 + static_cast<std::size_t>(samples.labels[row])] = 1.0;
  folder.write("X_train_val.npy", npy_text("<f4", "(60, 16)", samples.features));
  folder.write("y_train_val.npy", npy_text("<f8", "(60, 5)", one_hot));
  folder.write("X_test.npy", npy_text("<f4", "(60, 16)", samples.features));
  folder.write("y_test.npy", npy_text("<f8", "(60, 5)", one_hot));
  const auto dataset = load_dataset(request(folder.path()));
  EXPECT_EQ(dataset->fingerprint.source, "JSC, arrays of the hls4ml tutorial (OpenML 42468)");
  EXPECT_EQ(dataset->preprocessing.class_names, (std::vector<std::string>{"g", "q", "t", "w", "z"}));
  EXPECT_EQ(dataset->train.rows(), 54);
  EXPECT_EQ(dataset->test.labels, samples.labels);
  one_hot[5 * 5] = one_hot[5 * 5 + 1] = 1.0;
  const auto path = folder.write("y_train_val.npy", npy_text("<f8", "(60, 5)", one_hot));
  EXPECT_EQ(jsc_error(folder.path()),
            path.string() + ": row 5 is not one-hot (a single 1 among 0s; rows count from 0)");
}

TEST(JscSimulated, RunsAndSaysWhatItIs) {
  const auto dataset = load_dataset(request(bundled_jets_folder().parent_path()));
  EXPECT_EQ(dataset->name, "jsc");
  EXPECT_EQ(dataset->fingerprint.dataset, "jsc");
  EXPECT_EQ(dataset->fingerprint.source, "simulated jets (lathe jets, bundled sample), not JSC");
  EXPECT_EQ(dataset->fingerprint.notice, "These are simulated jets, not JSC.");
}

TEST(JscSimulated, TheRealFileGoesBeforeSimulatedJets) {
  const ScratchFolder folder;
  std::filesystem::copy(bundled_jets_folder(), folder.file("jets"));
  ASSERT_TRUE(write_cernbox_file(folder.file("a.h5"), some_jets(100)));
  EXPECT_EQ(load_dataset(request(folder.path()))->fingerprint.notice, "");
}

}  // namespace
}  // namespace lathe::data
