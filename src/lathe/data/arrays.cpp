#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/data/array_files.h"
#include "lathe/data/folders.h"
#include "lathe/data/kinds.h"
#include "lathe/data/text_table.h"

namespace lathe::data {
namespace {

namespace fs = std::filesystem;

/// Takes the column called label, class or target as the class, else the last one; all others are features.
TableColumns choose_columns(const std::vector<std::string>& columns) {
  TableColumns chosen{.features = {}, .label = columns.size() - 1};
  for (const char* name : {"label", "class", "target"}) {
    const auto found = std::find(columns.begin(), columns.end(), name);
    if (found == columns.end()) continue;
    chosen.label = static_cast<std::size_t>(found - columns.begin());
    break;
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i != chosen.label) chosen.features.push_back(i);
  }
  if (chosen.features.empty()) throw DataError("a table needs at least one column of features beside the labels");
  return chosen;
}

RawDataset read_table(const fs::path& path, const Progress& progress) {
  const bool arff = path.extension() == ".arff";
  TextTable table = arff ? read_arff(path, choose_columns, progress) : read_csv(path, choose_columns, progress);
  RawDataset raw;
  raw.train = std::move(table.samples);
  raw.feature_names = std::move(table.feature_names);
  raw.class_names = std::move(table.classes);
  raw.source = arff ? "ARFF file" : "CSV file";
  raw.path = path.string();
  return raw;
}

std::vector<std::string> names_if_present(const fs::path& path) {
  return fs::is_regular_file(path) ? read_names(path) : std::vector<std::string>{};
}

RawDataset read_array_folder(const fs::path& folder) {
  const std::optional<ArrayFolder> files = find_arrays(folder);
  if (!files) {
    throw DataError(folder.string(), "holds no arrays (X_train.npy, X_train_val.npy or X.npy, each with its y)");
  }
  std::vector<std::string> classes = names_if_present(folder / "class_names.txt");
  const ArrayExpectation expected{.width = 0, .classes = static_cast<std::int64_t>(classes.size())};
  RawDataset raw = read_arrays(*files, expected, names_if_present(folder / "feature_names.txt"), std::move(classes));
  raw.source = "arrays (.npy)";
  return raw;
}

RawDataset read_single_pair(const fs::path& path) {
  RawDataset raw = read_arrays({.train = pair_of(path), .validation = std::nullopt, .test = std::nullopt}, {}, {}, {});
  raw.source = "arrays (.npy)";
  raw.path = path.string();
  return raw;
}

RawDataset read_any(const fs::path& path, const Progress& progress) {
  if (fs::is_directory(path)) return read_array_folder(path);
  const std::string extension = path.extension().string();
  if (extension == ".npy") return read_single_pair(path);
  if (extension == ".csv" || extension == ".arff" || extension == ".tsv" || extension == ".txt") {
    return read_table(path, progress);
  }
  throw DataError(path.string(),
                  "is of no known kind; read are .csv, .arff, .npy (with its y beside it) and folders of arrays");
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
  RawDataset raw = read_any(path, request.progress);
  raw.name = path.filename().empty() ? path.parent_path().filename().string() : path.filename().string();
  return prepare(std::move(raw), request);
}

}  // namespace

DatasetKind arrays_kind() {
  return {.name = "arrays",
          .aliases = {},
          .description = "your own: give the path of a .csv, .arff or .npy file or of a folder of arrays as the name",
          .width = 0,
          .classes = 0,
          .url = {},
          .file_name = {},
          .load = load};
}

}  // namespace lathe::data
