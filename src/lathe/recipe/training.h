#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/config/field.h"
#include "lathe/engine/train.h"

/// The settings of training, each of which stands once: in the list of training_settings. Every place where one may be
/// written, the top of a study file, a flag, `[search.strategy.sw_runner.basic_train]` and
/// `[search.search_space.training]`, is read from there.
namespace lathe::recipe {

/// Rows of a batch, and batches of an optimiser step, at most: products with the sizes of a network fit 63 bits.
inline constexpr double kLargestBatch = 1 << 24;

/// Stands in TrainSettings::max_epochs for training that something else ends.
inline constexpr std::int64_t kNoEpochLimit = std::numeric_limits<std::int32_t>::max();

/// Says where a training setting is written.
enum class Place {
  kGeneral,  ///< at the top of a study file, or as a flag
  kRunner,   ///< in basic_train
  kChoice,   ///< among the choices of a trial
};

/// Describes one setting of training.
struct TrainingSetting {
  config::Field<engine::TrainSettings> field;  ///< its name is the one in basic_train and among the choices of a trial
  std::string general = {};                    ///< the top-level key; empty: none
  std::vector<std::string> flags = {};         ///< of the top-level key
  std::string value_name = {};                 ///< of the flags; empty: a switch
  std::string section = "Training";            ///< heading of the flags in `--help`
  std::vector<std::string> words = {};         ///< all allowed words, for completion; empty: free
  bool in_runner = true;
  bool searchable = false;     ///< a trial may choose it
  bool own_default = false;    ///< of a search: TrainSettings', as in MASE; otherwise the general key
  bool of_evaluation = false;  ///< it matters where nothing is trained too
  /// Takes the limit away, which -1 stands for in the places that allow it. Empty: -1 is a number as any other.
  std::function<void(engine::TrainSettings&)> lift = {};
  bool lift_in_general = false;  ///< -1 is allowed at the top too; among choices it never is
  std::function<void(const engine::TrainSettings& from, engine::TrainSettings& to)> copy = {};

  const std::string& name() const { return field.name; }
  /// Reads a value as it may be written in a place. Throws UserError at the value.
  void read(Place place, const config::Value& value, engine::TrainSettings& to) const;
  /// Prints which numbers or words a place allows.
  std::string allowed(Place place) const;
};

/// Lists them in the order in which they are shown.
const std::vector<TrainingSetting>& training_settings();
/// Finds by the name that basic_train has for it; null when there is none.
const TrainingSetting* find_training_setting(std::string_view name);

/// Returns the defaults of the top-level keys.
engine::TrainSettings general_training_defaults();

/// Sets what the optimiser does not read (momentum of adam) to TrainSettings' defaults.
void drop_unread(engine::TrainSettings& settings);

/// Says whose a setting is that only some optimisers read: `sgd`, or `sgd and lion`; empty for all others.
std::string owners(const std::string& setting);

}  // namespace lathe::recipe
