#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lathe/data/dataset.h"

namespace lathe::data {

/// Holds a data set as it was read: not split, not scaled. A part without rows is absent.
struct RawDataset {
  std::string name;
  std::string source, path, notice;  ///< for the fingerprint
  std::vector<std::string> class_names, feature_names;
  std::string label = {};                      ///< the column of the classes, where the file names it
  bool made_up_names = false;                  ///< the file has no names: `feature_names` are lathe's own (`f0`)
  std::vector<std::string> target_names = {};  ///< where the parts hold targets
  Samples train, validation, test;
  std::int64_t classes = 0;  ///< that the labels were said to be of (one-hot columns); 0: counted by the labels
  /// Where the labels of each part stand, if elsewhere than `path`.
  std::string labels_path = {}, validation_labels_path = {}, test_labels_path = {};
  bool reads_class_names = false;  ///< a class_names.txt beside them would have been read
  bool physical = true;            ///< features have units, so they are standardised when the request says so
  /// So many neighbouring features share one mean and one deviation: the pixels of a channel.
  std::int64_t pooled = 1;
  /// What the reader did already, for Preprocessing: values of the file were divided by this (255: bytes of images),
  /// and rows that are [..., channels] in the file were turned.
  double divisor = 1;
  bool channels_last = false;
  bool bytes = false;           ///< images that were bytes in the file, whether divided or not
  std::int64_t vocabulary = 0;  ///< texts: as Dataset::vocabulary
};

/// Turns what a reader read into what the engine sees: for regression of a set that came with labels, makes the columns
/// that the request names targets; splits off missing parts (split.h), standardises with the training rows, names what
/// has no name (`f0`, `0`), and fingerprints the result. Deterministic.
/// Throws DataError without training rows, and UserError for targets that are no columns, a task that the rows are not
/// made for, and as split_training_rows does.
std::shared_ptr<const Dataset> prepare(RawDataset raw, const DatasetRequest& request);

/// Checks that every feature is finite. Throws DataError with `path`, row and column.
void check_features(const Samples& samples, const std::vector<std::string>& feature_names, const std::string& path);

/// Checks that every label is in [0, classes). Throws DataError with `path` and row.
void check_labels(const Samples& samples, std::int64_t classes, const std::string& path);

/// Checks that every target is finite. Throws DataError with `path`, row and column.
void check_targets(const Samples& samples, const std::vector<std::string>& target_names, const std::string& path);

/// Computes the SHA-256 (hex) of all parts: their sizes, features, labels and targets, bit by bit.
std::string hash_parts(const Dataset& dataset);

}  // namespace lathe::data
