#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lathe/data/npz.h"
#include "lathe/data/prepare.h"

namespace lathe::data {

/// Names the two files of one part: features and labels.
struct ArrayPair {
  std::filesystem::path features, labels;
};

/// Names the files of a folder of arrays. What is absent is split off the training rows.
struct ArrayFolder {
  ArrayPair train;
  std::optional<ArrayPair> validation, test;
};

/// Finds the arrays of a folder: X_train.npy, else X_train_val.npy (the hls4ml tutorial's name), else X.npy; X_val.npy,
/// X_validation.npy, X_valid.npy or X_dev.npy (not beside X_train_val.npy, which holds those rows already); X_test.npy;
/// each with its y. Letters may be small or capital. Nothing when the folder has no training arrays. Throws DataError
/// when an X has no y beside it, and SystemError.
std::optional<ArrayFolder> find_arrays(const std::filesystem::path& folder);

/// Finds the labels that belong to a file of features: `X...` becomes `y...`. Throws DataError when there are none.
ArrayPair pair_of(const std::filesystem::path& features);

/// Lists the files of a folder that are named as arrays of features or labels (X..., y....npy) and are none of `files`.
std::vector<std::string> unread_arrays(const std::filesystem::path& folder, const ArrayFolder& files);

/// Says what y holds: labels, targets of regression, or what is not wanted.
enum class ArrayY { kLabels, kTargets, kIgnored };

/// Says what the arrays must be like; 0 where the files decide.
struct ArrayExpectation {
  std::int64_t width = 0, classes = 0;
  ArrayY y = ArrayY::kLabels;
  Layout layout = Layout::kAuto;  ///< where the channels of images and sequences are
  bool scale_bytes = false;       ///< images of bytes are brought into [0, 1]
};

/// Holds the arrays of one part; `learned` holds labels or targets, nothing where they are not wanted.
struct PartArrays {
  NpyArray features;
  std::optional<NpyArray> learned;
  bool holds_targets = false;
};

/// Names the parts of a set of arrays.
enum class ArrayPart { kTrain, kValidation, kTest };
/// Gives the arrays of a part, once; nothing where there is no such part.
using PartSource = std::function<std::optional<PartArrays>(ArrayPart)>;

/// Takes the arrays out of what read_npz gave, under the names that files of arrays have; x_train is as good as
/// X_train (keras writes its sets so). The source throws DataError with `path` where training arrays or the y of an X
/// are absent, and moves from `arrays`, which must outlive it.
PartSource parts_of(std::vector<NamedArray>& arrays, ArrayY y, const std::string& path);

/// Lists the arrays that are named as features or labels and that parts_of does not take.
std::vector<std::string> unread_arrays(std::span<const NamedArray> arrays);

/// Does what read_arrays does, for arrays from anywhere; leaves RawDataset::path empty.
RawDataset read_parts(const PartSource& source, const ArrayExpectation& expected,
                      std::vector<std::string> feature_names, std::vector<std::string> class_names);

/// Reads all parts. Features are [rows, width], or [rows, channels, ...], or [rows, ..., channels] as array_layout.h
/// decides for the training rows and moves them: then rows have the shape [channels, ...] (Samples::shape) and are
/// standardised channel by channel. Labels are [rows], [rows, 1] or one-hot [rows, classes]; targets are [rows]
/// or [rows, outputs], called y or y0, y1, ... Labels that are not wanted are all 0. `feature_names` and `class_names`
/// are for messages and for the result; either may be empty. Throws DataError for arrays that do not fit together, NaN
/// and labels out of range, with path, row and column.
RawDataset read_arrays(const ArrayFolder& files, const ArrayExpectation& expected,
                       std::vector<std::string> feature_names, std::vector<std::string> class_names);

}  // namespace lathe::data
