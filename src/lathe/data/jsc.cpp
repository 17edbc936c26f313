#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>

#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/data/array_files.h"
#include "lathe/data/dataset.h"
#include "lathe/data/folders.h"
#include "lathe/data/hdf5_table.h"
#include "lathe/data/jets.h"
#include "lathe/data/split.h"
#include "lathe/data/text_table.h"

namespace lathe::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* kCernboxName = "processed-pythia82-lhc13-all-pt1-50k-r1_h022_e0175_t220_nonu_truth.z";
constexpr const char* kCernboxUrl = "https://cernbox.cern.ch/index.php/s/jvFd5MoWhGs1l5v/download";
constexpr const char* kCernboxTable = "t_allpar_new";
constexpr const char* kOpenmlName = "hls4ml_lhc_jets_hlf.arff";
/// OpenML's description of the data set, which names the file's present address.
constexpr const char* kOpenmlDescription = "https://www.openml.org/api/v1/json/data/42468";
constexpr std::int64_t kWidth = 16;
constexpr std::int64_t kClasses = 5;

/// The features as published, without the prefix `j_`.
const std::vector<std::string>& feature_names() {
  static const std::vector<std::string> names = {"zlogz",         "c1_b0_mmdt",    "c1_b1_mmdt", "c1_b2_mmdt",
                                                 "c2_b1_mmdt",    "c2_b2_mmdt",    "d2_b1_mmdt", "d2_b2_mmdt",
                                                 "d2_a1_b1_mmdt", "d2_a1_b2_mmdt", "m2_b1_mmdt", "m2_b2_mmdt",
                                                 "n2_b1_mmdt",    "n2_b2_mmdt",    "mass_mmdt",  "multiplicity"};
  return names;
}

/// The order of the CERNBox file's label columns, which MASE keeps.
const std::vector<std::string>& cernbox_classes() {
  static const std::vector<std::string> names = {"g", "q", "w", "z", "t"};
  return names;
}

/// The sorted order of the hls4ml tutorial.
const std::vector<std::string>& openml_classes() {
  static const std::vector<std::string> names = {"g", "q", "t", "w", "z"};
  return names;
}

// --- The CERNBox file ------------------------------------------------------------------------------------------------

/// Turns rows of 16 features and 5 one-hot labels into samples.
Samples from_one_hot_rows(const std::vector<float>& values, const std::string& path) {
  constexpr std::size_t kColumns = kWidth + kClasses;
  Samples samples{.width = kWidth, .features = {}, .labels = {}};
  samples.features.reserve(values.size() / kColumns * kWidth);
  samples.labels.reserve(values.size() / kColumns);
  for (std::size_t row = 0; row * kColumns < values.size(); ++row) {
    const auto features = values.begin() + static_cast<std::ptrdiff_t>(row * kColumns);
    const auto labels = features + kWidth;
    const auto ones = std::count(labels, labels + kClasses, 1.0f);
    const auto zeros = std::count(labels, labels + kClasses, 0.0f);
    if (ones != 1 || zeros != kClasses - 1) {
      throw DataError(path,
                      fmt::format("row {}: j_g, j_q, j_w, j_z, j_t are {}, {}, {}, {}, {}; expected a single 1 among "
                                  "0s (rows count from 0)",
                                  row, labels[0], labels[1], labels[2], labels[3], labels[4]));
    }
    samples.features.insert(samples.features.end(), features, labels);
    samples.labels.push_back(static_cast<std::int32_t>(std::find(labels, labels + kClasses, 1.0f) - labels));
  }
  return samples;
}

/// Orders rows by their bits, so that equal rows become neighbours.
class RowOrder {
 public:
  explicit RowOrder(const Samples& samples) : samples_(samples) {}

  int compare(std::uint32_t a, std::uint32_t b) const {
    const auto width = static_cast<std::size_t>(samples_.width);
    const int features =
        std::memcmp(&samples_.features[a * width], &samples_.features[b * width], width * sizeof(float));
    return features != 0 ? features : samples_.labels[a] - samples_.labels[b];
  }

 private:
  const Samples& samples_;
};

/// Returns the rows that equal no earlier row (features and label), ascending.
Rows distinct_rows(const Samples& samples) {
  const RowOrder order(samples);
  Rows rows(samples.labels.size());
  for (std::uint32_t row = 0; row < rows.size(); ++row) rows[row] = row;
  std::sort(rows.begin(), rows.end(), [&](std::uint32_t a, std::uint32_t b) {
    const int difference = order.compare(a, b);
    return difference != 0 ? difference < 0 : a < b;
  });
  const auto equal = [&](std::uint32_t a, std::uint32_t b) { return order.compare(a, b) == 0; };
  rows.erase(std::unique(rows.begin(), rows.end(), equal), rows.end());
  std::sort(rows.begin(), rows.end());
  return rows;
}

RawDataset read_cernbox(const fs::path& path, const Progress& progress) {
  std::vector<std::string> columns;
  for (const std::string& name : feature_names()) columns.push_back("j_" + name);
  for (const std::string& name : cernbox_classes()) columns.push_back("j_" + name);
  RawDataset raw;
  raw.train = from_one_hot_rows(read_hdf5_table(path, kCernboxTable, columns, progress), path.string());
  check_features(raw.train, {columns.begin(), columns.begin() + kWidth}, path.string());
  const std::int64_t all = raw.train.rows();
  raw.train = take_rows(raw.train, distinct_rows(raw.train));
  if (raw.train.rows() < all)
    log::info("jsc: {} of {} rows are repetitions and are left out", all - raw.train.rows(), all);
  raw.source = "JSC, CERNBox file (HDF5)";
  raw.path = path.string();
  raw.class_names = cernbox_classes();
  return raw;
}

// --- The OpenML table ------------------------------------------------------------------------------------------------

/// Finds a column by its name with or without `j_`; the number of columns when absent.
std::size_t find_column(const std::vector<std::string>& columns, const std::string& name) {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const std::string& column) { return column == name || column == "j_" + name; });
  return static_cast<std::size_t>(found - columns.begin());
}

bool has_openml_columns(const std::vector<std::string>& columns) {
  const auto present = [&](const std::string& name) { return find_column(columns, name) < columns.size(); };
  return present("class") && std::all_of(feature_names().begin(), feature_names().end(), present);
}

TableColumns choose_openml(const std::vector<std::string>& columns) {
  TableColumns chosen{.features = {}, .label = find_column(columns, "class")};
  for (const std::string& name : feature_names()) chosen.features.push_back(find_column(columns, name));
  return chosen;
}

RawDataset read_openml(const fs::path& path, const Progress& progress) {
  const bool arff = path.extension() == ".arff";
  TextTable table = arff ? read_arff(path, choose_openml, progress) : read_csv(path, choose_openml, progress);
  std::vector<std::int32_t> index_of;
  for (const std::string& name : table.classes) {
    const auto found = std::find(openml_classes().begin(), openml_classes().end(), name);
    if (found == openml_classes().end()) {
      throw DataError(path.string(),
                      fmt::format("column \"class\": unknown class \"{}\"; expected g, q, t, w or z", name));
    }
    index_of.push_back(static_cast<std::int32_t>(found - openml_classes().begin()));
  }
  if (index_of.empty())
    check_labels(table.samples, kClasses, path.string());
  else
    for (std::int32_t& label : table.samples.labels) label = index_of[static_cast<std::size_t>(label)];
  RawDataset raw;
  raw.train = std::move(table.samples);
  raw.path = path.string();
  raw.source = fmt::format("JSC, OpenML 42468 ({})", arff ? "ARFF" : "CSV");
  raw.class_names = openml_classes();
  return raw;
}

// --- Arrays and simulated jets
// -----------------------------------------------------------------------------------------

RawDataset read_jsc_arrays(const ArrayFolder& files) {
  RawDataset raw = read_arrays(files, {.width = kWidth, .classes = kClasses}, feature_names(), openml_classes());
  const std::string name = files.train.features.filename().string();
  raw.source = name == "X_train_val.npy" ? "JSC, arrays of the hls4ml tutorial (OpenML 42468)"
                                         : fmt::format("JSC as the user says, arrays {}", name);
  return raw;
}

RawDataset read_simulated(const fs::path& folder) {
  RawDataset raw = read_jets(folder);
  raw.source += ", not JSC";
  raw.notice = "These are simulated jets, not JSC.";
  return raw;
}

// --- Finding them ----------------------------------------------------------------------------------------------------

using Reader = std::function<RawDataset()>;

/// Lists the plain files of a folder by name, or the file itself; nothing where one cannot look, which absent_dataset
/// says.
std::vector<fs::path> files_of(const fs::path& place) {
  std::error_code unknown;
  if (fs::is_regular_file(place, unknown)) return {place};
  std::vector<fs::path> files;
  const fs::directory_iterator end;
  fs::directory_iterator entry(place, unknown);
  for (; !unknown && entry != end; entry.increment(unknown)) {
    if (fs::is_regular_file(entry->path(), unknown)) files.push_back(entry->path());
    unknown.clear();
  }
  std::sort(files.begin(), files.end());
  return files;
}

Reader find_cernbox(const fs::path& place, const Progress& progress) {
  for (const fs::path& file : files_of(place)) {
    if (file.filename() != kCernboxName && !holds_hdf5_table(file, kCernboxTable)) continue;
    return [file, &progress] { return read_cernbox(file, progress); };
  }
  return {};
}

Reader find_openml(const fs::path& place, const Progress& progress) {
  for (const fs::path& file : files_of(place)) {
    if (!has_openml_columns(read_column_names(file))) continue;
    return [file, &progress] { return read_openml(file, progress); };
  }
  return {};
}

Reader find_jsc_arrays(const fs::path& place) {
  std::error_code unknown;
  if (is_jets_folder(place) || !fs::is_directory(place, unknown)) return {};
  const std::optional<ArrayFolder> files = find_arrays(place);
  if (!files) return {};
  return [files = *files] { return read_jsc_arrays(files); };
}

/// Finds the real data: for every place, in it and in its folder `jsc`; in each the CERNBox file before the others.
Reader find_real(const std::vector<SearchPlace>& places, const Progress& progress, bool openml_only) {
  for (const SearchPlace& place : places) {
    for (const fs::path& folder : {place.path, place.path / "jsc"}) {
      Reader reader = openml_only ? Reader{} : find_cernbox(folder, progress);
      if (!reader) reader = find_openml(folder, progress);
      if (!reader) reader = find_jsc_arrays(folder);
      if (reader) return reader;
    }
  }
  return {};
}

std::shared_ptr<const Dataset> load_as(RawDataset raw, const char* name, const DatasetRequest& request) {
  raw.name = name;
  raw.feature_names = feature_names();
  if (!raw.notice.empty()) log::warning_once(raw.notice);
  return prepare(std::move(raw), request);
}

std::shared_ptr<const Dataset> load_jsc(const DatasetRequest& request) {
  const std::vector<SearchPlace> places = search_places(request);
  if (const Reader real = find_real(places, request.progress, false)) return load_as(real(), "jsc", request);
  if (const auto simulated = find_jets(places)) return load_as(read_simulated(*simulated), "jsc", request);
  throw absent_dataset(
      request,
      fmt::format("the CERNBox file ({}, or any HDF5 file with the table {}), the OpenML table ({} or .csv), "
                  "the hls4ml tutorial's arrays (X_train_val.npy, ...), or simulated jets",
                  kCernboxName, kCernboxTable, kOpenmlName),
      "jsc");
}

std::shared_ptr<const Dataset> load_jsc_openml(const DatasetRequest& request) {
  const std::vector<SearchPlace> places = search_places(request);
  if (const Reader real = find_real(places, request.progress, true)) return load_as(real(), "jsc-openml", request);
  throw absent_dataset(
      request, fmt::format("the OpenML table ({} or .csv) or the hls4ml tutorial's arrays", kOpenmlName), "jsc-openml");
}

}  // namespace

DatasetKind jsc_kind() {
  return {.name = "jsc",
          .aliases = {"JSC"},
          .description =
              "jet substructure classification, 16 features, 5 classes: the CERNBox file (986,806 rows; classes g q "
              "w z t), else the OpenML table or arrays (classes g q t w z)",
          .width = kWidth,
          .classes = kClasses,
          .url = kCernboxUrl,
          .file_name = kCernboxName,
          .load = load_jsc};
}

DatasetKind jsc_openml_kind() {
  return {.name = "jsc-openml",
          .aliases = {"jsc_openml"},
          .description =
              "the same from OpenML 42468 (830,000 rows; ARFF, CSV or the hls4ml tutorial's arrays; classes g q t w z)",
          .width = kWidth,
          .classes = kClasses,
          .url = kOpenmlDescription,
          .file_name = kOpenmlName,
          .load = load_jsc_openml};
}

}  // namespace lathe::data
