#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/base/registry.h"

/// Settings of training that bring what they do along, and the list of those that there are.
namespace lathe::engine {

/// Says where a run is when the learning rate of a step is asked for. Options move it before the schedule reads it.
struct Course {
  std::int64_t step = 0;   ///< from 0
  std::int64_t total = 0;  ///< steps
};

/// Declares a setting of training: one file in options/ and one line of the list there. Files, flags, searches, help
/// and the candidate key walk the list.
struct TrainingOption {
  std::string name;         ///< the key, at the top of a file, in basic_train and among the choices of a trial
  std::string description;  ///< a phrase
  double usual = 0;         ///< the default, with which it does nothing
  bool whole = false;       ///< whole numbers only
  double low = 0, high = std::numeric_limits<double>::infinity();
  bool searchable = false;     ///< a trial may choose it
  std::string kept_text = {};  ///< the name that it always has in TrainSettings::to_text; empty: it stands there where
                               ///< it is not usual, by its name
  /// Returns the learning rate of a step that the option decides; else nullopt, and may move the course. The options
  /// are asked in the order of the list. Null: it has no part in the learning rate.
  std::optional<double> (*rate)(double value, double peak, Course& course) = nullptr;
};

/// Lists the options.
const Registry<TrainingOption>& training_options();

/// Holds the values of a run's options.
class OptionValues {
 public:
  OptionValues();
  /// In the order of the list.
  double& at(std::size_t index) { return values_.at(index); }
  const double& at(std::size_t index) const { return values_.at(index); }
  double get(std::string_view name) const;
  void set(std::string_view name, double value);

 private:
  std::vector<double> values_;
};

}  // namespace lathe::engine
