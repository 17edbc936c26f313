#pragma once

#include <string>
#include <string_view>

#include "lathe/storage/storage.h"

/// The texts that Optuna's tables hold, written as Python writes them. Shared by all databases.
namespace lathe::storage {

/// Reads a name as the tables hold it (`COMPLETE`, `MAXIMIZE`). Throws DataError for another.
TrialState state_from_name(std::string_view name);
/// Returns nullopt for NOT_SET.
std::optional<Direction> direction_from_name(std::string_view name);

/// Prints a time as `YYYY-MM-DD HH:MM:SS.ffffff`, UTC.
std::string time_text(Time time);
/// Reads `YYYY-MM-DD HH:MM:SS` with an optional fraction. Throws DataError.
Time time_from_text(std::string_view text);

/// Prints a string as JSON with all but ASCII escaped (`"\u00e9"`); bytes that are no UTF-8 become U+FFFD.
std::string json_text(std::string_view text);
/// Prints a number as Python's json.dumps does: the shortest text that reads back equal, `1.0`, `1e-05`, `Infinity`,
/// `NaN`.
std::string json_text(double value);
std::string json_text(const parameter::Choice& choice);
/// Prints `{"name": "CategoricalDistribution", "attributes": {"choices": [2, 4, null]}}`,
/// `{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}`, ...
std::string distribution_json(const parameter::Distribution& distribution);

/// Reads a distribution, in the spellings of Optuna 3 and later and of those before (UniformDistribution, ...). Throws
/// DataError for anything else.
parameter::Distribution distribution_from_json(std::string_view text);

/// Prints the system attribute fixed_params of an enqueued trial: `{"width": 8, "bits": null}`, values as the runner of
/// the trial sees them.
std::string fixed_parameters_json(const std::vector<Parameter>& parameters);

}  // namespace lathe::storage
