#include "lathe/data/array_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "lathe/base/error.h"
#include "lathe/data/npy.h"

namespace lathe::data {
namespace {

namespace fs = std::filesystem;

/// Reads one-hot rows: exactly one 1 each, the others 0.
std::vector<std::int32_t> from_one_hot(const NpyArray& array, std::int64_t classes) {
  const std::vector<std::int64_t> values = array.to_integers();
  std::vector<std::int32_t> labels(static_cast<std::size_t>(array.shape[0]), -1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t row = i / static_cast<std::size_t>(classes);
    const bool known = values[i] == 0 || values[i] == 1;
    if (!known || (values[i] == 1 && labels[row] >= 0)) {
      throw DataError(array.path, fmt::format("row {} is not one-hot (a single 1 among 0s; rows count from 0)", row));
    }
    if (values[i] == 1) labels[row] = static_cast<std::int32_t>(i % static_cast<std::size_t>(classes));
  }
  const auto none = std::find(labels.begin(), labels.end(), -1);
  if (none != labels.end()) {
    throw DataError(array.path, fmt::format("row {} is not one-hot (a single 1 among 0s; rows count from 0)",
                                            none - labels.begin()));
  }
  return labels;
}

std::vector<std::int32_t> from_numbers(const NpyArray& array) {
  const std::vector<std::int64_t> values = array.to_integers();
  std::vector<std::int32_t> labels(values.size());
  for (std::size_t row = 0; row < values.size(); ++row) {
    if (values[row] < 0 || values[row] >= std::numeric_limits<std::int32_t>::max()) {
      throw DataError(
          array.path,
          fmt::format("row {}: label {} is out of range; labels count from 0 (rows count from 0)", row, values[row]));
    }
    labels[row] = static_cast<std::int32_t>(values[row]);
  }
  return labels;
}

/// Reads labels; `classes` grows to what the array shows.
std::vector<std::int32_t> read_labels(const fs::path& path, std::int64_t& classes) {
  const NpyArray array = read_npy(path);
  const bool one_hot = array.shape.size() == 2 && array.shape[1] > 1;
  const bool plain = array.shape.size() == 1 || (array.shape.size() == 2 && array.shape[1] == 1);
  if (!one_hot && !plain) {
    throw DataError(array.path,
                    fmt::format("has shape {}; labels are [rows] or one-hot [rows, classes]", to_string(array.shape)));
  }
  std::vector<std::int32_t> labels = one_hot ? from_one_hot(array, array.shape[1]) : from_numbers(array);
  if (one_hot) classes = std::max(classes, array.shape[1]);
  for (const std::int32_t label : labels) classes = std::max<std::int64_t>(classes, label + std::int64_t{1});
  return labels;
}

/// Reads numbers to be learned: [rows] or [rows, outputs].
void read_targets(const fs::path& path, Samples& samples) {
  const NpyArray array = read_npy(path);
  if (array.shape.empty() || array.shape.size() > 2 || element_count(array.shape) == 0) {
    throw DataError(array.path,
                    fmt::format("has shape {}; targets are [rows] or [rows, outputs]", to_string(array.shape)));
  }
  samples.outputs = array.shape.size() == 2 ? array.shape[1] : 1;
  samples.targets = array.to_floats();
}

void read_y(const ArrayPair& files, ArrayY y, std::int64_t rows, std::int64_t& classes, Samples& samples) {
  switch (y) {
    case ArrayY::kLabels: samples.labels = read_labels(files.labels, classes); break;
    case ArrayY::kTargets: read_targets(files.labels, samples); break;
    case ArrayY::kIgnored: samples.labels.assign(static_cast<std::size_t>(rows), 0); break;
  }
}

Samples read_pair(const ArrayPair& files, ArrayY y, std::int64_t& classes) {
  const NpyArray features = read_npy(files.features);
  if (features.shape.size() < 2) {
    throw DataError(features.path,
                    fmt::format("has shape {}; features are [rows, columns]", to_string(features.shape)));
  }
  if (features.shape[0] == 0) throw DataError(features.path, "has no rows");
  Samples samples;
  samples.width = element_count(features.shape) / features.shape[0];
  if (samples.width == 0) throw DataError(features.path, "has no columns");
  read_y(files, y, features.shape[0], classes, samples);
  if (samples.rows() != features.shape[0]) {
    throw DataError(features.path,
                    fmt::format("has {} rows, but {} has {} {}", features.shape[0], files.labels.string(),
                                samples.rows(), y == ArrayY::kTargets ? "rows" : "labels"));
  }
  samples.features = features.to_floats();
  return samples;
}

void check_width(const Samples& samples, std::int64_t width, const fs::path& path) {
  if (samples.width == width) return;
  throw DataError(path.string(), fmt::format("has {} columns; expected {}", samples.width, width));
}

void check_outputs(const Samples& samples, std::int64_t outputs, const fs::path& path) {
  if (samples.outputs != outputs)
    throw DataError(path.string(), fmt::format("has {} columns; expected {}", samples.outputs, outputs));
  check_targets(samples, {}, path.string());
}

std::optional<ArrayPair> find_pair(const fs::path& folder, std::string_view part) {
  const fs::path features = folder / fmt::format("X{}.npy", part);
  if (!fs::is_regular_file(features)) return std::nullopt;
  return pair_of(features);
}

}  // namespace

ArrayPair pair_of(const fs::path& features) {
  std::string name = features.filename().string();
  if (name[0] != 'X' && name[0] != 'x') {
    throw DataError(features.string(), "is no pair of arrays: features are in X....npy, labels beside it in y....npy");
  }
  name[0] = 'y';
  const fs::path labels = features.parent_path() / name;
  if (!fs::is_regular_file(labels)) {
    throw DataError(features.string(), fmt::format("has no labels beside it ({} does not exist)", labels.string()));
  }
  return {features, labels};
}

std::optional<ArrayFolder> find_arrays(const fs::path& folder) {
  std::optional<ArrayPair> train;
  bool holds_validation = false;
  for (const std::string_view part : {"_train", "_train_val", ""}) {
    train = find_pair(folder, part);
    holds_validation = part == "_train_val";
    if (train) break;
  }
  if (!train) return std::nullopt;
  ArrayFolder files{.train = *train, .validation = std::nullopt, .test = find_pair(folder, "_test")};
  if (!holds_validation) files.validation = find_pair(folder, "_val");
  if (!holds_validation && !files.validation) files.validation = find_pair(folder, "_validation");
  return files;
}

RawDataset read_arrays(const ArrayFolder& files, const ArrayExpectation& expected,
                       std::vector<std::string> feature_names, std::vector<std::string> class_names) {
  RawDataset raw;
  std::int64_t classes = expected.classes;
  raw.train = read_pair(files.train, expected.y, classes);
  if (files.validation) raw.validation = read_pair(*files.validation, expected.y, classes);
  if (files.test) raw.test = read_pair(*files.test, expected.y, classes);
  if (expected.classes > 0) classes = expected.classes;
  const std::int64_t width = expected.width > 0 ? expected.width : raw.train.width;
  const auto check = [&](const Samples& samples, const ArrayPair& pair) {
    check_width(samples, width, pair.features);
    check_features(samples, feature_names, pair.features.string());
    if (expected.y == ArrayY::kLabels) check_labels(samples, classes, pair.labels.string());
    if (expected.y == ArrayY::kTargets) check_outputs(samples, raw.train.outputs, pair.labels);
  };
  check(raw.train, files.train);
  if (files.validation) check(raw.validation, *files.validation);
  if (files.test) check(raw.test, *files.test);
  raw.path = files.train.features.parent_path().string();
  raw.feature_names = std::move(feature_names);
  for (std::int64_t output = 0; output < raw.train.outputs; ++output) {
    raw.target_names.push_back(raw.train.outputs == 1 ? "y" : fmt::format("y{}", output));
  }
  if (expected.y != ArrayY::kLabels) return raw;
  raw.class_names = std::move(class_names);
  for (auto label = static_cast<std::int64_t>(raw.class_names.size()); label < classes; ++label) {
    raw.class_names.push_back(fmt::to_string(label));
  }
  return raw;
}

}  // namespace lathe::data
