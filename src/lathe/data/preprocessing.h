#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/data/scaling.h"

namespace lathe::data {

/// Describes a target of regression. The engine sees (value - mean) / deviation; both are of the training rows, or 0
/// and 1 where targets are left as they are.
struct Target {
  std::string name;
  double mean = 0, deviation = 1;

  bool operator==(const Target&) const = default;
};

/// Says what was done to the rows of a file before a network saw them, so that a trained network can be given raw rows
/// and its outputs can be read: it travels with the weights. In this order: the channels of rows [..., channels] come
/// first, values are divided by `divisor` in float32, then scaled in double precision and rounded to float32. Another
/// step (fill values, dropped columns, one-hot maps, renumbered labels) is another field here, in the JSON text and in
/// what applies it.
struct Preprocessing {
  std::vector<std::string> feature_names = {};  ///< of plain features; empty for images and texts without names
  bool channels_last = false;        ///< rows of the file are [..., channels]; the network takes [channels, ...]
  double divisor = 1;                ///< 255 for bytes of images that become [0, 1]
  Scaling scaling = {};              ///< of the training rows; empty: features are left as they are
  std::vector<Target> targets = {};  ///< regression: one per output
  std::vector<std::string> class_names = {};  ///< classification: by label
  std::string label = {};                     ///< classification of a table: the column of the classes

  /// Tells whether raw rows differ from what the network takes.
  bool changes_rows() const { return channels_last || divisor != 1 || !scaling.empty(); }
  /// Tells whether the network's outputs are in other units than the targets of the file.
  bool changes_targets() const;
  bool operator==(const Preprocessing&) const = default;
};

/// Version of the JSON text, written as "schema_version". Readers accept this one and older ones.
inline constexpr int kPreprocessingVersion = 1;

/// Prints a preprocessing as JSON in one line; numbers come back exactly.
std::string to_json(const Preprocessing& preprocessing);

/// Prints names as a JSON list.
std::string to_json(const std::vector<std::string>& names);

/// Reads what to_json printed. Throws DataError with `origin`: no such JSON, a newer version, numbers that are not
/// finite, deviations that are not above 0, lists that do not fit together.
Preprocessing parse_preprocessing(std::string_view json, const std::filesystem::path& origin);

/// Prepares the values of rows whose channels come first: divides and scales them.
void prepare_values(const Preprocessing& preprocessing, std::span<float> values);

/// Makes raw values of prepared ones, but for rounding.
void undo_scaling(const Preprocessing& preprocessing, std::span<float> values);

/// Returns how targets are scaled: undo_scaling by it turns outputs of a network into their units.
Scaling scaling_of(const std::vector<Target>& targets);

/// Returns a name as valid UTF-8: bytes of a text that is none are read as Latin-1.
std::string as_utf8(std::string_view text);

}  // namespace lathe::data
