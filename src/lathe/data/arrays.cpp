#include <fmt/format.h>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "lathe/data/array_files.h"
#include "lathe/data/dataset.h"
#include "lathe/data/folders.h"
#include "lathe/data/label_column.h"
#include "lathe/data/language_text.h"
#include "lathe/data/limits.h"
#include "lathe/data/sentences.h"
#include "lathe/data/text_table.h"

namespace lathe::data {
namespace {

namespace fs = std::filesystem;

RawDataset read_table(const fs::path& path, const DatasetRequest& request) {
  const bool arff = path.extension() == ".arff";
  const ColumnChooser choose = [&](const std::vector<std::string>& columns) {
    return choose_columns(request, columns);
  };
  TextTable table = arff ? read_arff(path, choose, request.progress) : read_csv(path, choose, request.progress);
  RawDataset raw;
  raw.train = std::move(table.samples);
  raw.feature_names = std::move(table.feature_names);
  raw.made_up_names = table.made_up_names;
  raw.target_names = std::move(table.target_names);
  raw.label = std::move(table.label);
  raw.class_names = std::move(table.classes);
  raw.source = arff ? "ARFF file" : "CSV file";
  raw.path = path.string();
  return raw;
}

std::vector<std::string> names_if_present(const fs::path& path) {
  return is_file(path) ? read_names(path) : std::vector<std::string>{};
}

void name_targets(const std::vector<std::string>& names, const fs::path& path, RawDataset& raw) {
  if (names.size() != raw.target_names.size())
    throw DataError(path.string(),
                    fmt::format("has {} names; y has {} columns", names.size(), raw.target_names.size()));
  raw.target_names = names;
}

/// Says what y means: nothing where columns of X are the targets.
ArrayExpectation expectation(const DatasetRequest& request, const std::vector<std::string>& classes) {
  const ArrayY of_regression = request.targets.empty() ? ArrayY::kTargets : ArrayY::kIgnored;
  const bool classified = request.task == Task::kClassification;
  return {.width = 0,
          .classes = classified ? static_cast<std::int64_t>(classes.size()) : 0,
          .y = classified ? ArrayY::kLabels : of_regression,
          .layout = request.layout,
          .scale_bytes = request.trained ? request.trained->divisor != 1 : !request.standardise};
}

std::string are_not_read(const std::vector<std::string>& names) {
  return fmt::format("{} {} not read", few_of(names), names.size() == 1 ? "is" : "are");
}

void warn_of_unread(const fs::path& path, const std::vector<std::string>& names) {
  if (names.empty()) return;
  log::warning(
      "{}: {}: a set has X_train (or X, X_train_val), X_val (or X_validation, X_valid, X_dev) and X_test, each with "
      "its y",
      path.string(), are_not_read(names));
}

RawDataset read_array_folder(const fs::path& folder, const DatasetRequest& request) {
  const std::optional<ArrayFolder> files = find_arrays(folder);
  if (!files) {
    throw DataError(folder.string(), "holds no arrays (X_train.npy, X_train_val.npy or X.npy, each with its y)");
  }
  std::vector<std::string> classes = names_if_present(folder / "class_names.txt");
  const ArrayExpectation expected = expectation(request, classes);
  RawDataset raw = read_arrays(*files, expected, names_if_present(folder / "feature_names.txt"), std::move(classes));
  warn_of_unread(folder, unread_arrays(folder, *files));
  const std::vector<std::string> targets = names_if_present(folder / "target_names.txt");
  if (expected.y == ArrayY::kTargets && !targets.empty()) name_targets(targets, folder / "target_names.txt", raw);
  raw.source = "arrays (.npy)";
  raw.reads_class_names = true;
  return raw;
}

RawDataset read_single_pair(const fs::path& path, const DatasetRequest& request) {
  const ArrayFolder files{.train = pair_of(path), .validation = std::nullopt, .test = std::nullopt};
  RawDataset raw = read_arrays(files, expectation(request, {}), {}, {});
  const std::vector<std::string> unread = unread_arrays(path.parent_path(), files);
  if (!unread.empty()) {
    log::warning("{}: beside it {}; give the folder to read all parts of a set", path.string(), are_not_read(unread));
  }
  raw.source = "arrays (.npy)";
  raw.path = path.string();
  return raw;
}

RawDataset read_archive(const fs::path& path, const DatasetRequest& request) {
  std::vector<NamedArray> arrays = read_npz(path);
  const ArrayExpectation expected = expectation(request, {});
  warn_of_unread(path, unread_arrays(arrays));
  RawDataset raw = read_parts(parts_of(arrays, expected.y, path.string()), expected, {}, {});
  raw.source = "arrays (.npz)";
  raw.path = path.string();
  return raw;
}

RawDataset read_text(const fs::path& path, const DatasetRequest& request) {
  if (is_file(path)) return read_language_text(path, request);
  throw DataError(path.string(), "is a folder; language modelling learns from one text file");
}

// Says what kinds of files there are; settings that belong to one of them are refused for the others.
enum class Kind { kText, kSentences, kArrayFolder, kArray, kArchive, kTable };

Kind kind_of(const fs::path& path, const DatasetRequest& request) {
  if (request.language_modeling) return Kind::kText;
  if (holds_sentences(path)) return Kind::kSentences;
  if (is_folder(path)) return Kind::kArrayFolder;
  const std::string extension = path.extension().string();
  if (extension == ".npy") return Kind::kArray;
  if (extension == ".npz") return Kind::kArchive;
  if (extension == ".csv" || extension == ".arff" || extension == ".tsv" || extension == ".txt") return Kind::kTable;
  throw DataError(path.string(),
                  "is of no known kind; read are .csv, .arff, .npy (with its y beside it), .npz, folders of arrays and "
                  "tab-separated sentences (.tsv)");
}

RawDataset read_any(const fs::path& path, const DatasetRequest& request) {
  const Kind kind = kind_of(path, request);
  const bool arrays = kind == Kind::kArrayFolder || kind == Kind::kArray || kind == Kind::kArchive;
  if (kind != Kind::kTable) refuse_label(request);
  if (!arrays) refuse_layout(request);
  switch (kind) {
    case Kind::kText: return read_text(path, request);
    case Kind::kSentences: return read_sentences(path, request);
    case Kind::kArrayFolder: return read_array_folder(path, request);
    case Kind::kArray: return read_single_pair(path, request);
    case Kind::kArchive: return read_archive(path, request);
    case Kind::kTable: return read_table(path, request);
  }
  throw InternalError("unknown kind of file");
}

/// Finds what the name or, under the name `arrays`, the data folder stands for.
fs::path find_path(const DatasetRequest& request) {
  if (request.name == "arrays") {
    if (!request.data_dir.empty() && path_exists(request.data_dir)) return request.data_dir;
    throw absent_dataset(request, "arrays (X_train.npy, y_train.npy, ...) or a .csv file", "");
  }
  const fs::path named = request.name;
  if (path_exists(named)) return named;
  for (const SearchPlace& place : search_places(request)) {
    std::error_code ignored;
    if (named.is_relative() && fs::exists(place.path / named, ignored)) return place.path / named;
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
