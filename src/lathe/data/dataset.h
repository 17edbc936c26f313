#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lathe/base/hash.h"
#include "lathe/base/registry.h"
#include "lathe/base/shape.h"
#include "lathe/data/preprocessing.h"

namespace lathe::data {

/// Rows of a block; see Samples::blocks.
inline constexpr std::size_t kBlockRows = 16;

/// Holds one feature of the rows of a block: a cache line.
struct alignas(64) BlockColumn {
  float values[kBlockRows];
};

/// Says what is learned of a row: its class, or numbers. Spelt `classification` and `regression` in files.
enum class Task { kClassification, kRegression };
std::string task_name(Task task);

/// Says where the channels of images and sequences stand in arrays: told by the shape where it leaves no doubt, in
/// front as everywhere in lathe, or last as TensorFlow and picture files have them.
enum class Layout { kAuto, kChannelsFirst, kChannelsLast };
/// Reads `auto`, `channels_first` or `channels_last`; throws UserError.
Layout layout_named(const std::string& name);

/// Holds rows of features and what is to be learned of them. `features` is [rows, width] row-major float32. For
/// classification `labels` is [rows] in [0, classes) and `outputs` 0; for regression `targets` is [rows, outputs]
/// row-major float32 and `labels` empty. A row is an image [channels, height, width], a text of `width` tokens (whole
/// numbers, exact as float32) or plain features.
struct Samples {
  std::int64_t width = 0;
  std::vector<float> features;
  std::vector<std::int32_t> labels;
  std::int64_t outputs = 0;
  std::vector<float> targets = {};
  Shape shape = {};            ///< of a row, width values in all; empty: [width]
  std::int64_t positions = 1;  ///< labels of a row: 1, or for language modelling one per token, [rows, positions]
  /// The whole blocks of kBlockRows rows of `features` a second time, feature by feature, [rows / kBlockRows, width]:
  /// what an engine that works feature by feature reads without turning rows. Empty where nobody arranged them; whoever
  /// changes `features` clears it.
  std::vector<BlockColumn> blocks = {};

  std::int64_t rows() const {
    const std::int64_t learned = static_cast<std::int64_t>(outputs > 0 ? targets.size() : labels.size());
    return learned / (outputs > 0 ? outputs : positions);
  }
  Shape row_shape() const { return shape.empty() ? Shape{width} : shape; }
};

/// Fills `blocks`; leaves it empty where rows are wider than an engine for small networks takes (512).
void arrange_blocks(Samples& samples);

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

/// Holds a loaded data set (training and validation rows in random order, which shuffling by blocks relies on):
/// disjoint parts, standardised with the mean and the population standard deviation of the training rows where the data
/// set is of physical features: column by column, images channel by channel. Immutable, shared by all trials.
struct Dataset {
  std::string name;
  std::int64_t classes = 0;  ///< 0 for regression
  Samples train, validation, test;
  Fingerprint fingerprint;
  Task task = Task::kClassification;
  Preprocessing preprocessing = {};  ///< what was done to the rows, and the names of features, targets and classes
  std::int64_t vocabulary = 0;       ///< texts: rows are tokens in [0, vocabulary); 0: no texts
  bool own_validation = false;       ///< the files bring a validation part: none was split off the training rows

  /// Returns how many outputs a network for this data set has: classes or targets.
  std::int64_t outputs() const {
    return task == Task::kRegression ? static_cast<std::int64_t>(preprocessing.targets.size()) : classes;
  }
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
  Layout layout = Layout::kAuto;  ///< of arrays of images and sequences; every other data set refuses one
  Task task = Task::kClassification;
  /// Classification of a table: the column of the class, by name or index. None: as label_column.h says. Data sets that
  /// are no tables refuse one.
  std::string label = {};
  /// Regression: names of the columns that are targets, and hence no features. None: a table's column `target`, `label`
  /// or `class`, else its last one; the y of arrays as it is. Classification of a table: one entry is as good as
  /// `label`.
  std::vector<std::string> targets = {};
  std::string target_key = {};      ///< MASE's key `target`, an FPGA part: one that names a column is an error
  bool standardise_targets = true;  ///< acts where `standardise` does
  /// A text file is cut into windows whose labels are the next tokens (Samples::positions = max_token_len); every other
  /// data set is refused.
  bool language_modeling = false;
  std::int64_t max_token_len = 128;  ///< tokens of a row of text
  /// What the rows went through that weights were trained on: these rows are brought to it (scaling, features, targets
  /// and classes by name) instead of being scaled by their own training rows, and what that changes is logged. None: by
  /// their own.
  std::shared_ptr<const Preprocessing> trained = {};
  bool keep_classes = true;  ///< with `trained`: a class that it does not have is an error, else a warning
  Progress progress = {};    ///< called from load_dataset's own thread while big files are read
};

/// Declares a data set. One line of builtin.def each.
struct DatasetKind {
  std::string name;
  std::vector<std::string> aliases;
  std::string description;
  std::int64_t width = 0;  ///< 0: told by the file
  std::int64_t classes = 0;
  /// Public address of the file for `lathe data fetch`, with its file name; empty where there is none.
  std::string url, file_name;
  std::shared_ptr<const Dataset> (*load)(const DatasetRequest&);
  Shape shape = {};  ///< of a row where it is no list of features: an image's; empty: [width]

  Shape row_shape() const { return shape.empty() ? Shape{width} : shape; }
};

const Registry<DatasetKind>& dataset_kinds();

/// Loads a data set. Throws UserError (unknown name, nearest shown), DataError (absent, saying everywhere it was looked
/// for and how to get it; truncated; NaN; label out of range, with row and column).
std::shared_ptr<const Dataset> load_dataset(const DatasetRequest& request);

/// Throws UserError where the request names a column of classes, or a layout: for data sets that have none.
void refuse_label(const DatasetRequest& request);
void refuse_layout(const DatasetRequest& request);

/// Returns the folders that are searched, in order: request.data_dir (alone when given), LATHE_DATA_DIR,
/// $XDG_CACHE_HOME/lathe or ~/.cache/lathe, and the bundled sample's folder (for `jets`).
std::vector<std::filesystem::path> search_folders(const DatasetRequest& request);

}  // namespace lathe::data
