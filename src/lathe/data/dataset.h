#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lathe/base/hash.h"

namespace lathe::data {

/// Holds rows of features with labels. `features` is [rows, width] row-major float32, `labels` [rows] in [0, classes).
struct Samples {
  std::int64_t width = 0;
  std::vector<float> features;
  std::vector<std::int32_t> labels;

  std::int64_t rows() const { return static_cast<std::int64_t>(labels.size()); }
};

/// Says where the rows came from, so that no result can be mistaken for one on other data.
struct Fingerprint {
  std::string dataset;  ///< as the user asked for it: "jsc"
  std::string source;   ///< what it really is: "simulated jets (lathe jets, bundled sample), not JSC"
  std::string path;     ///< where it was read from
  std::int64_t train_rows = 0, validation_rows = 0, test_rows = 0;
  std::uint64_t split_seed = 0;  ///< seed of the validation split
  std::string hash;              ///< SHA-256 (hex) over the rows of all parts as the engine sees them
  /// A sentence that must stand on screen and in every result ("These are simulated jets, not JSC."); empty for the
  /// real thing.
  std::string notice;
};

/// Holds a loaded data set: disjoint parts, standardised with the mean and the population standard deviation of the
/// training rows where the data set is of physical features. Immutable, shared by all trials.
struct Dataset {
  std::string name;
  std::int64_t classes = 0;
  std::vector<std::string> class_names;
  std::vector<std::string> feature_names;
  Samples train, validation, test;
  Fingerprint fingerprint;
};

/// Is told what share of the reading is done, in [0, 1], now and then; empty: nobody listens.
using Progress = std::function<void(double)>;

/// Says what to load and how.
struct DatasetRequest {
  std::string name;                     ///< registered name, or a path to a .csv/.npy file or a folder of arrays
  std::filesystem::path data_dir = {};  ///< `--data-dir` or `data_dir`; empty: LATHE_DATA_DIR, then the cache folder
  std::uint64_t seed = 0;               ///< seed of the validation split
  double validation_fraction = 0.1;     ///< share of the training rows split off where there is no validation part
  std::optional<std::int64_t> validation_rows = {};  ///< exact number instead of the fraction
  std::optional<std::int64_t> max_train_rows = {};   ///< use the first rows only (after the split, in seeded order)
  bool standardise = true;
  Progress progress = {};  ///< called from load_dataset's own thread while big files are read
};

/// Declares a data set. One entry in builtin.cpp each.
struct DatasetKind {
  std::string name;
  std::vector<std::string> aliases;
  std::string description;
  std::int64_t width = 0;  ///< 0: told by the file
  std::int64_t classes = 0;
  /// Public address of the file for `lathe data fetch`, with its file name; empty where there is none.
  std::string url, file_name;
  std::shared_ptr<const Dataset> (*load)(const DatasetRequest&);
};

const std::vector<DatasetKind>& dataset_kinds();

/// Loads a data set. Throws UserError (unknown name, nearest shown), DataError (absent, saying everywhere it was looked
/// for and how to get it; truncated; NaN; label out of range, with row and column).
std::shared_ptr<const Dataset> load_dataset(const DatasetRequest& request);

/// Returns the folders that are searched, in order: request.data_dir (alone when given), LATHE_DATA_DIR,
/// $XDG_CACHE_HOME/lathe or ~/.cache/lathe, and the bundled sample's folder (for `jets`).
std::vector<std::filesystem::path> search_folders(const DatasetRequest& request);

}  // namespace lathe::data
