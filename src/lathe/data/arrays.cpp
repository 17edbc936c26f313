#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/data/array_files.h"
#include "lathe/data/folders.h"
#include "lathe/data/kinds.h"
#include "lathe/data/language_text.h"
#include "lathe/data/sentences.h"
#include "lathe/data/target_columns.h"
#include "lathe/data/text_table.h"

namespace lathe::data {
namespace {

namespace fs = std::filesystem;

/// Takes the column called label, class or target as the class, else the last one.
std::size_t label_column(const std::vector<std::string>& columns) {
  for (const char* name : {"label", "class", "target"}) {
    const auto found = std::find(columns.begin(), columns.end(), name);
    if (found != columns.end()) return static_cast<std::size_t>(found - columns.begin());
  }
  return columns.size() - 1;
}

/// Chooses the class, or for regression the targets: the named columns, else the one that would be the class. All
/// others are features.
TableColumns choose_columns(const DatasetRequest& request, const std::vector<std::string>& columns) {
  TableColumns chosen{.features = {}, .label = label_column(columns)};
  std::vector<std::size_t> learned = {chosen.label};
  if (request.task == Task::kRegression) {
    if (!request.targets.empty()) learned = find_target_columns(request.targets, columns);
    chosen.targets = learned;
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (std::find(learned.begin(), learned.end(), i) == learned.end()) chosen.features.push_back(i);
  }
  if (chosen.features.empty()) throw DataError("a table needs at least one column of features beside the labels");
  return chosen;
}

RawDataset read_table(const fs::path& path, const DatasetRequest& request) {
  const bool arff = path.extension() == ".arff";
  const ColumnChooser choose = [&](const std::vector<std::string>& columns) {
    return choose_columns(request, columns);
  };
  TextTable table = arff ? read_arff(path, choose, request.progress) : read_csv(path, choose, request.progress);
  RawDataset raw;
  raw.train = std::move(table.samples);
  raw.feature_names = std::move(table.feature_names);
  raw.target_names = std::move(table.target_names);
  raw.class_names = std::move(table.classes);
  raw.source = arff ? "ARFF file" : "CSV file";
  raw.path = path.string();
  return raw;
}

std::vector<std::string> names_if_present(const fs::path& path) {
  return fs::is_regular_file(path) ? read_names(path) : std::vector<std::string>{};
}

void name_targets(const std::vector<std::string>& names, const fs::path& path, RawDataset& raw) {
  if (names.size() != raw.target_names.size())
    throw DataError(path.string(),
                    fmt::format("has {} names; y has {} columns", names.size(), raw.target_names.size()));
  raw.target_names = names;
}

/// Says what y means: nothing where columns of X are the targets.
ArrayExpectation expectation(const DatasetRequest& request, const std::vector<std::string>& classes) {
  if (request.task == Task::kClassification) return {.width = 0, .classes = static_cast<std::int64_t>(classes.size())};
  return {.width = 0, .classes = 0, .y = request.targets.empty() ? ArrayY::kTargets : ArrayY::kIgnored};
}

RawDataset read_array_folder(const fs::path& folder, const DatasetRequest& request) {
  const std::optional<ArrayFolder> files = find_arrays(folder);
  if (!files) {
    throw DataError(folder.string(), "holds no arrays (X_train.npy, X_train_val.npy or X.npy, each with its y)");
  }
  std::vector<std::string> classes = names_if_present(folder / "class_names.txt");
  const ArrayExpectation expected = expectation(request, classes);
  RawDataset raw = read_arrays(*files, expected, names_if_present(folder / "feature_names.txt"), std::move(classes));
  const std::vector<std::string> targets = names_if_present(folder / "target_names.txt");
  if (expected.y == ArrayY::kTargets && !targets.empty()) name_targets(targets, folder / "target_names.txt", raw);
  raw.source = "arrays (.npy)";
  return raw;
}

RawDataset read_single_pair(const fs::path& path, const DatasetRequest& request) {
  RawDataset raw = read_arrays({.train = pair_of(path), .validation = std::nullopt, .test = std::nullopt},
                               expectation(request, {}), {}, {});
  raw.source = "arrays (.npy)";
  raw.path = path.string();
  return raw;
}

RawDataset read_archive(const fs::path& path, const DatasetRequest& request) {
  std::vector<NamedArray> arrays = read_npz(path);
  const ArrayExpectation expected = expectation(request, {});
  RawDataset raw = read_parts(parts_of(arrays, expected.y, path.string()), expected, {}, {});
  raw.source = "arrays (.npz)";
  raw.path = path.string();
  return raw;
}

RawDataset read_text(const fs::path& path, const DatasetRequest& request) {
  if (fs::is_regular_file(path)) return read_language_text(path, request);
  throw DataError(path.string(), "is a folder; language modelling learns from one text file");
}

RawDataset read_any(const fs::path& path, const DatasetRequest& request) {
  if (request.language_modeling) return read_text(path, request);
  if (holds_sentences(path)) return read_sentences(path, request);
  if (fs::is_directory(path)) return read_array_folder(path, request);
  const std::string extension = path.extension().string();
  if (extension == ".npy") return read_single_pair(path, request);
  if (extension == ".npz") return read_archive(path, request);
  if (extension == ".csv" || extension == ".arff" || extension == ".tsv" || extension == ".txt") {
    return read_table(path, request);
  }
  throw DataError(path.string(),
                  "is of no known kind; read are .csv, .arff, .npy (with its y beside it), .npz, folders of arrays and "
                  "tab-separated sentences (.tsv)");
}

/// Finds what the name or, under the name `arrays`, the data folder stands for.
fs::path find_path(const DatasetRequest& request) {
  if (request.name == arrays_kind().name) {
    if (!request.data_dir.empty() && fs::exists(request.data_dir)) return request.data_dir;
    throw absent_dataset(request, "arrays (X_train.npy, y_train.npy, ...) or a .csv file", "");
  }
  const fs::path named = request.name;
  if (fs::exists(named)) return named;
  for (const SearchPlace& place : search_places(request)) {
    if (named.is_relative() && fs::exists(place.path / named)) return place.path / named;
  }
  throw absent_dataset(request, "this file or folder, there and in the working directory", "");
}

std::shared_ptr<const Dataset> load(const DatasetRequest& request) {
  const fs::path path = find_path(request);
  RawDataset raw = read_any(path, request);
  raw.name = path.filename().empty() ? path.parent_path().filename().string() : path.filename().string();
  return prepare(std::move(raw), request);
}

}  // namespace

DatasetKind arrays_kind() {
  return {.name = "arrays",
          .aliases = {},
          .description =
              "your own: give the path of a .csv, .arff, .npy, .npz, .tsv or .txt file or of a folder of arrays or "
              "sentences "
              "as the name",
          .width = 0,
          .classes = 0,
          .url = {},
          .file_name = {},
          .load = load};
}

}  // namespace lathe::data
