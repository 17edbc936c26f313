#include "lathe/data/array_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <tuple>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
#include "lathe/base/log.h"
#include "lathe/data/array_layout.h"
#include "lathe/data/limits.h"
#include "lathe/data/npy.h"
#include "lathe/data/pixels.h"

namespace lathe::data {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMostRows = 2'000'000'000;
constexpr std::string_view kAskForRegression = "for numbers to predict say task = \"regression\"";

DataError not_one_hot(const NpyArray& array, std::size_t row) {
  return {array.path, fmt::format("row {} is not one-hot (a single 1 among 0s; rows count from 0)", row)};
}

/// Reads one-hot rows: exactly one 1 each, the others 0.
std::vector<std::int32_t> from_one_hot(const NpyArray& array, std::int64_t classes) {
  const std::vector<std::int64_t> values = array.to_integers(kAskForRegression);
  std::vector<std::int32_t> labels(static_cast<std::size_t>(array.shape[0]), -1);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::size_t row = i / static_cast<std::size_t>(classes);
    const bool known = values[i] == 0 || values[i] == 1;
    if (!known || (values[i] == 1 && labels[row] >= 0)) throw not_one_hot(array, row);
    if (values[i] == 1) labels[row] = static_cast<std::int32_t>(i % static_cast<std::size_t>(classes));
  }
  const auto none = std::find(labels.begin(), labels.end(), -1);
  if (none != labels.end()) throw not_one_hot(array, static_cast<std::size_t>(none - labels.begin()));
  return labels;
}

std::vector<std::int32_t> from_numbers(const NpyArray& array) {
  const std::vector<std::int64_t> values = array.to_integers(kAskForRegression);
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

/// Reads labels; `classes` grows to the columns of one-hot rows.
std::vector<std::int32_t> read_labels(const NpyArray& array, std::int64_t& classes) {
  const bool one_hot = array.shape.size() == 2 && array.shape[1] > 1;
  const bool plain = array.shape.size() == 1 || (array.shape.size() == 2 && array.shape[1] == 1);
  if (!one_hot && !plain) {
    throw DataError(array.path,
                    fmt::format("has shape {}; labels are [rows] or one-hot [rows, classes]", to_string(array.shape)));
  }
  std::vector<std::int32_t> labels = one_hot ? from_one_hot(array, array.shape[1]) : from_numbers(array);
  if (one_hot) classes = std::max(classes, array.shape[1]);
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
  NpyType features_type = NpyType::kFloat32;
};

void read_learned(const PartArrays& arrays, std::int64_t& classes, Samples& samples) {
  if (!arrays.learned)
    samples.labels.assign(static_cast<std::size_t>(arrays.features.shape[0]), 0);
  else if (arrays.holds_targets)
    read_targets(*arrays.learned, samples);
  else
    samples.labels = read_labels(*arrays.learned, classes);
}

void check_shape(const NpyArray& features, Layout layout) {
  if (features.shape.size() < 2) {
    throw DataError(features.path, fmt::format("has shape {}; features are [rows, columns] or [rows, channels, ...]",
                                               to_string(features.shape)));
  }
  if (features.shape[0] == 0) throw DataError(features.path, "has no rows");
  if (features.shape[0] > kMostRows)
    throw DataError(features.path, fmt::format("has {} rows; at most {} are read", features.shape[0], kMostRows));
  if (element_count(features.shape) == 0) throw DataError(features.path, "has no columns");
  if (features.shape.size() == 2 && layout != Layout::kAuto) {
    throw UserError("layout", fmt::format("{} has rows of {} numbers without channels; only images and sequences have "
                                          "a layout",
                                          features.path, features.shape[1]));
  }
}

// Converts features to float32: bytes to [0, 1] where wanted, channels to the front where they come last.
void read_features(const NpyArray& features, bool scale_bytes, bool channels_last, Samples& samples) {
  check_rows_fit(static_cast<std::uint64_t>(element_count(features.shape)), features.path);
  samples.features = features.to_floats();
  if (features.shape.size() == 2) return;
  samples.shape.assign(features.shape.begin() + 1, features.shape.end());
  if (scale_bytes && features.type == NpyType::kUint8)
    for (float& value : samples.features) value /= static_cast<float>(kPixelDivisor);
  if (channels_last) samples.shape = move_channels_first(samples.shape, samples.features);
}

ReadPart read_part(const PartArrays& arrays, const ArrayExpectation& expected, bool channels_last,
                   std::int64_t& classes) {
  const NpyArray& features = arrays.features;
  check_shape(features, expected.layout);
  ReadPart part{.samples = {}, .features_path = features.path, .learned_path = {}, .features_type = features.type};
  Samples& samples = part.samples;
  samples.width = element_count(features.shape) / features.shape[0];
  read_learned(arrays, classes, samples);
  if (arrays.learned) part.learned_path = arrays.learned->path;
  if (samples.rows() != features.shape[0]) {
    throw DataError(features.path, fmt::format("has {} rows, but {} has {} {}", features.shape[0], part.learned_path,
                                               samples.rows(), arrays.holds_targets ? "rows" : "labels"));
  }
  read_features(features, expected.scale_bytes, channels_last, samples);
  return part;
}

// Decides for the training rows where their channels are, and says it.
bool decide_layout(const NpyArray& features, Layout asked) {
  check_shape(features, asked);
  if (features.shape.size() == 2) return false;
  const Shape row(features.shape.begin() + 1, features.shape.end());
  const bool last = channels_come_last(row, asked, features.path);
  log::info("{}: rows of shape {} are read as {}", features.path, to_string(row), layout_text(row, last));
  return last;
}

// Images of which one part holds bytes, 0 to 255, and another other numbers are hardly in the same units.
void check_bytes(const ReadPart& part, const ReadPart& train) {
  if ((part.features_type == NpyType::kUint8) == (train.features_type == NpyType::kUint8)) return;
  if (part.samples.shape.empty()) return;
  const auto& [bytes, others] = part.features_type == NpyType::kUint8 ? std::tie(part, train) : std::tie(train, part);
  throw DataError(others.features_path,
                  fmt::format("holds other numbers than {}, which has bytes; save both alike", bytes.features_path));
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

// Tells whether there are features of a part, by the end of their name.
using HasPart = std::function<bool(std::string_view part)>;

// Returns the end of the names of a part: X_train_val holds the validation rows already.
std::optional<std::string_view> choose_part(ArrayPart which, const HasPart& has) {
  constexpr std::array<std::string_view, 3> kTrain = {"_train", "_train_val", ""};
  constexpr std::array<std::string_view, 4> kValidation = {"_val", "_validation", "_valid", "_dev"};
  constexpr std::array<std::string_view, 1> kTest = {"_test"};
  const auto first_of = [&](std::span<const std::string_view> names) -> std::optional<std::string_view> {
    const auto found = std::find_if(names.begin(), names.end(), has);
    return found == names.end() ? std::nullopt : std::optional(*found);
  };
  if (which == ArrayPart::kTrain) return first_of(kTrain);
  if (which == ArrayPart::kTest) return first_of(kTest);
  return first_of(kTrain) == "_train_val" ? std::nullopt : first_of(kValidation);
}

// Returns the file `X_part.npy`, its letter small or capital.
std::optional<fs::path> find_file(const fs::path& folder, std::string_view letters, std::string_view part) {
  for (const char letter : letters) {
    const fs::path file = folder / fmt::format("{}{}.npy", letter, part);
    if (is_file(file)) return file;
  }
  return std::nullopt;
}

// Finds an array whose name begins with a letter, be it small or capital.
NpyArray* find_either(std::vector<NamedArray>& arrays, char letter, std::string_view name) {
  for (NamedArray& array : arrays) {
    if (array.name.empty() || std::string_view(array.name).substr(1) != name) continue;
    if (std::toupper(static_cast<unsigned char>(array.name[0])) == letter) return &array.array;
  }
  return nullptr;
}

// Tells whether an array is named as features or labels are: X, y, X_train, ...
bool is_named_as_part(std::string_view name) {
  return !name.empty() && std::string_view("XxYy").find(name[0]) != std::string_view::npos &&
         (name.size() == 1 || name[1] == '_');
}

}  // namespace

ArrayPair pair_of(const fs::path& features) {
  std::string name = features.stem().string();
  if (name[0] != 'X' && name[0] != 'x') {
    throw DataError(features.string(), "is no pair of arrays: features are in X....npy, labels beside it in y....npy");
  }
  const std::string part = name.substr(1);
  const std::optional<fs::path> labels = find_file(features.parent_path(), "yY", part);
  if (!labels) {
    throw DataError(features.string(), fmt::format("has no labels beside it ({} does not exist)",
                                                   (features.parent_path() / ("y" + part + ".npy")).string()));
  }
  return {features, *labels};
}

std::optional<ArrayFolder> find_arrays(const fs::path& folder) {
  const auto pair = [&](ArrayPart which) -> std::optional<ArrayPair> {
    const HasPart has = [&](std::string_view part) { return find_file(folder, "Xx", part).has_value(); };
    const std::optional<std::string_view> part = choose_part(which, has);
    return part ? std::optional(pair_of(*find_file(folder, "Xx", *part))) : std::nullopt;
  };
  std::optional<ArrayPair> train = pair(ArrayPart::kTrain);
  if (!train) return std::nullopt;
  return ArrayFolder{
      .train = *std::move(train), .validation = pair(ArrayPart::kValidation), .test = pair(ArrayPart::kTest)};
}

std::vector<std::string> unread_arrays(const fs::path& folder, const ArrayFolder& files) {
  std::vector<fs::path> read = {files.train.features, files.train.labels};
  for (const std::optional<ArrayPair>& pair : {files.validation, files.test})
    if (pair) read.insert(read.end(), {pair->features, pair->labels});
  std::vector<std::string> names;
  for (const fs::path& file : list_folder(folder.empty() ? "." : folder)) {
    const bool taken = std::any_of(read.begin(), read.end(),
                                   [&](const fs::path& other) { return other.filename() == file.filename(); });
    if (!taken && file.extension() == ".npy" && is_named_as_part(file.stem().string()))
      names.push_back(file.filename().string());
  }
  return names;
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
  bool channels_last = false;
  for (const ArrayPart which : {ArrayPart::kTrain, ArrayPart::kValidation, ArrayPart::kTest}) {
    std::optional<PartArrays> arrays = source(which);
    if (arrays) arrays->holds_targets = expected.y == ArrayY::kTargets;
    if (which == ArrayPart::kTrain) channels_last = decide_layout(arrays.value().features, expected.layout);
    parts.push_back(arrays ? read_part(*arrays, expected, channels_last, classes) : ReadPart{});
  }
  if (expected.classes > 0) classes = expected.classes;
  const Samples& train = parts.front().samples;
  for (const ReadPart& part : parts) {
    if (part.features_path.empty()) continue;
    check_bytes(part, parts.front());
    check_width(part.samples, train, expected.width > 0 ? expected.width : train.width, part.features_path);
    check_features(part.samples, feature_names, part.features_path);
    if (expected.classes > 0) check_labels(part.samples, classes, part.learned_path);
    if (expected.y == ArrayY::kTargets) check_outputs(part.samples, train.outputs, part.learned_path);
  }
  raw.channels_last = channels_last;
  raw.bytes = !train.shape.empty() && parts[0].features_type == NpyType::kUint8;
  if (expected.scale_bytes && raw.bytes) raw.divisor = kPixelDivisor;
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
  raw.classes = classes;
  raw.labels_path = parts[0].learned_path;
  raw.validation_labels_path = parts[1].learned_path;
  raw.test_labels_path = parts[2].learned_path;
  return raw;
}

PartSource parts_of(std::vector<NamedArray>& arrays, ArrayY y, const std::string& path) {
  return [&arrays, y, path](ArrayPart which) -> std::optional<PartArrays> {
    const HasPart has = [&](std::string_view part) { return find_either(arrays, 'X', part) != nullptr; };
    const std::optional<std::string_view> name = choose_part(which, has);
    if (!name && which == ArrayPart::kTrain) throw DataError(path, "holds no array X_train, X_train_val or X");
    if (!name) return std::nullopt;
    PartArrays part{.features = std::move(*find_either(arrays, 'X', *name)), .learned = {}};
    if (y == ArrayY::kIgnored) return part;
    NpyArray* const learned = find_either(arrays, 'Y', *name);
    if (learned == nullptr) throw DataError(path, fmt::format("holds X{0}, but no y{0}", *name));
    part.learned = std::move(*learned);
    return part;
  };
}

std::vector<std::string> unread_arrays(std::span<const NamedArray> arrays) {
  const auto has_features = [&](std::string_view part) {
    return std::any_of(arrays.begin(), arrays.end(), [&](const NamedArray& array) {
      return is_named_as_part(array.name) && std::toupper(static_cast<unsigned char>(array.name[0])) == 'X' &&
             array.name.substr(1) == part;
    });
  };
  std::vector<std::string_view> read;
  for (const ArrayPart which : {ArrayPart::kTrain, ArrayPart::kValidation, ArrayPart::kTest})
    if (const auto part = choose_part(which, has_features)) read.push_back(*part);
  std::vector<std::string> names;
  for (const NamedArray& array : arrays) {
    if (is_named_as_part(array.name) && std::find(read.begin(), read.end(), array.name.substr(1)) == read.end())
      names.push_back(array.name);
  }
  return names;
}

}  // namespace lathe::data
