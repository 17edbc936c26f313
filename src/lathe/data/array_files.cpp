#include "lathe/data/array_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
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
std::vector<std::int32_t> read_labels(const NpyArray& array, std::int64_t& classes) {
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
void read_targets(const NpyArray& array, Samples& samples) {
  if (array.shape.empty() || array.shape.size() > 2 || element_count(array.shape) == 0) {
    throw DataError(array.path,
                    fmt::format("has shape {}; targets are [rows] or [rows, outputs]", to_string(array.shape)));
  }
  samples.outputs = array.shape.size() == 2 ? array.shape[1] : 1;
  samples.targets = array.to_floats();
}

/// Holds what became of a part, and where its arrays came from.
struct ReadPart {
  Samples samples;
  std::string features_path, learned_path;
};

void read_learned(const PartArrays& arrays, std::int64_t& classes, Samples& samples) {
  if (!arrays.learned)
    samples.labels.assign(static_cast<std::size_t>(arrays.features.shape[0]), 0);
  else if (arrays.holds_targets)
    read_targets(*arrays.learned, samples);
  else
    samples.labels = read_labels(*arrays.learned, classes);
}

ReadPart read_part(const PartArrays& arrays, std::int64_t& classes) {
  const NpyArray& features = arrays.features;
  if (features.shape.size() < 2) {
    throw DataError(features.path, fmt::format("has shape {}; features are [rows, columns] or [rows, channels, ...]",
                                               to_string(features.shape)));
  }
  if (features.shape[0] == 0) throw DataError(features.path, "has no rows");
  ReadPart part{.samples = {}, .features_path = features.path, .learned_path = {}};
  Samples& samples = part.samples;
  samples.width = element_count(features.shape) / features.shape[0];
  if (samples.width == 0) throw DataError(features.path, "has no columns");
  if (features.shape.size() > 2) samples.shape.assign(features.shape.begin() + 1, features.shape.end());
  read_learned(arrays, classes, samples);
  if (arrays.learned) part.learned_path = arrays.learned->path;
  if (samples.rows() != features.shape[0]) {
    throw DataError(features.path, fmt::format("has {} rows, but {} has {} {}", features.shape[0], part.learned_path,
                                               samples.rows(), arrays.holds_targets ? "rows" : "labels"));
  }
  samples.features = features.to_floats();
  return part;
}

void check_width(const Samples& samples, const Samples& train, std::int64_t width, const std::string& path) {
  if (samples.width != width) throw DataError(path, fmt::format("has {} columns; expected {}", samples.width, width));
  if (samples.shape != train.shape) {
    throw DataError(path, fmt::format("has rows of shape {}; those to train with have {}",
                                      to_string(samples.row_shape()), to_string(train.row_shape())));
  }
}

void check_outputs(const Samples& samples, std::int64_t outputs, const std::string& path) {
  if (samples.outputs != outputs)
    throw DataError(path, fmt::format("has {} columns; expected {}", samples.outputs, outputs));
  check_targets(samples, {}, path);
}

std::optional<ArrayPair> find_pair(const fs::path& folder, std::string_view part) {
  const fs::path features = folder / fmt::format("X{}.npy", part);
  if (!fs::is_regular_file(features)) return std::nullopt;
  return pair_of(features);
}

// Finds an array whose name begins with a letter, be it small or capital.
NpyArray* find_either(std::vector<NamedArray>& arrays, char letter, std::string_view name) {
  for (NamedArray& array : arrays) {
    if (array.name.empty() || std::string_view(array.name).substr(1) != name) continue;
    if (std::toupper(static_cast<unsigned char>(array.name[0])) == letter) return &array.array;
  }
  return nullptr;
}

// Returns the ends of the names that a part may have: X_train_val holds the validation rows already.
std::vector<std::string_view> names_of(ArrayPart which, std::vector<NamedArray>& arrays) {
  if (which == ArrayPart::kTrain) return {"_train", "_train_val", ""};
  if (which == ArrayPart::kTest) return {"_test"};
  const bool train = find_either(arrays, 'X', "_train") != nullptr;
  const bool holds_validation = !train && find_either(arrays, 'X', "_train_val") != nullptr;
  return holds_validation ? std::vector<std::string_view>{} : std::vector<std::string_view>{"_val", "_validation"};
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
  const PartSource source = [&](ArrayPart which) -> std::optional<PartArrays> {
    const std::optional<ArrayPair> pair = which == ArrayPart::kTrain        ? files.train
                                          : which == ArrayPart::kValidation ? files.validation
                                                                            : files.test;
    if (!pair) return std::nullopt;
    PartArrays arrays{.features = read_npy(pair->features), .learned = {}};
    if (expected.y != ArrayY::kIgnored) arrays.learned = read_npy(pair->labels);
    return arrays;
  };
  RawDataset raw = read_parts(source, expected, std::move(feature_names), std::move(class_names));
  raw.path = files.train.features.parent_path().string();
  return raw;
}

RawDataset read_parts(const PartSource& source, const ArrayExpectation& expected,
                      std::vector<std::string> feature_names, std::vector<std::string> class_names) {
  RawDataset raw;
  std::int64_t classes = expected.classes;
  std::vector<ReadPart> parts;
  for (const ArrayPart which : {ArrayPart::kTrain, ArrayPart::kValidation, ArrayPart::kTest}) {
    std::optional<PartArrays> arrays = source(which);
    if (arrays) arrays->holds_targets = expected.y == ArrayY::kTargets;
    parts.push_back(arrays ? read_part(*arrays, classes) : ReadPart{});
  }
  if (expected.classes > 0) classes = expected.classes;
  const Samples& train = parts.front().samples;
  for (const ReadPart& part : parts) {
    if (part.features_path.empty()) continue;
    check_width(part.samples, train, expected.width > 0 ? expected.width : train.width, part.features_path);
    check_features(part.samples, feature_names, part.features_path);
    if (expected.y == ArrayY::kLabels) check_labels(part.samples, classes, part.learned_path);
    if (expected.y == ArrayY::kTargets) check_outputs(part.samples, train.outputs, part.learned_path);
  }
  raw.train = std::move(parts[0].samples);
  raw.validation = std::move(parts[1].samples);
  raw.test = std::move(parts[2].samples);
  if (!raw.train.shape.empty()) raw.pooled = raw.train.width / raw.train.shape.front();
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

PartSource parts_of(std::vector<NamedArray>& arrays, ArrayY y, const std::string& path) {
  return [&arrays, y, path](ArrayPart which) -> std::optional<PartArrays> {
    for (const std::string_view name : names_of(which, arrays)) {
      NpyArray* const features = find_either(arrays, 'X', name);
      if (features == nullptr) continue;
      PartArrays part{.features = std::move(*features), .learned = {}};
      if (y == ArrayY::kIgnored) return part;
      NpyArray* const learned = find_either(arrays, 'Y', name);
      if (learned == nullptr) throw DataError(path, fmt::format("holds X{}, but no y{}", name, name));
      part.learned = std::move(*learned);
      return part;
    }
    if (which == ArrayPart::kTrain) throw DataError(path, "holds no array X_train, X_train_val or X");
    return std::nullopt;
  };
}

}  // namespace lathe::data
