#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace lathe::parameter {

/// Holds one value of a parameter; monostate is "NA" (JSON null).
using Choice = std::variant<std::monostate, bool, std::int64_t, double, std::string>;
/// Prints a choice as people read it: `NA`, `2`, `0.5`, `output_only`.
std::string to_string(const Choice& choice);
/// Compares as a reader of a file does: 1 and 1.0 are one choice.
bool same_value(const Choice& left, const Choice& right);

/// Lists unordered values.
struct Categorical {
  std::vector<Choice> choices;
  bool operator==(const Categorical&) const = default;
};

/// Describes the integers low, low + step, ..., high.
struct Integer {
  std::int64_t low = 0, high = 0, step = 1;
  bool log = false;  ///< uniform in the logarithm; needs step 1 and low >= 1
  bool operator==(const Integer&) const = default;
};

/// Describes the numbers from low to high, or low, low + step, ..., high.
struct Float {
  double low = 0, high = 0;
  std::optional<double> step = {};
  bool log = false;  ///< uniform in the logarithm; excludes a step, needs low > 0
  bool operator==(const Float&) const = default;
};

/// Says which values a parameter may take. Its values have codes: 0 .. size - 1 in ascending order (categorical: in the
/// order of the choices); a float without a step has no size, and each value is its own code.
using Distribution = std::variant<Categorical, Integer, Float>;

/// Checks a distribution and lowers `high` to the last value that the step reaches. Throws UserError (without position)
/// saying what is wrong: no choices, low above high, a step that is not positive, log with a step or a low bound that
/// has no logarithm.
Distribution checked(Distribution distribution);

/// Returns the number of values; nullopt for a float without a step.
std::optional<std::int64_t> size(const Distribution& distribution);
/// Tells whether values have an order and distances: integers and floats.
bool is_numeric(const Distribution& distribution);
/// Returns the value of a code. `code` must be one of the distribution.
Choice choice(const Distribution& distribution, double code);
/// Returns the number that Optuna's tables hold for a code: the index of a choice, the value of a number.
double internal_value(const Distribution& distribution, double code);
/// Returns the code of a number in Optuna's tables; nullopt when the distribution lacks it.
std::optional<double> code_of_internal(const Distribution& distribution, double internal);
/// Returns the code of a value; nullopt when the distribution lacks it.
std::optional<double> code_of(const Distribution& distribution, const Choice& value);

}  // namespace lathe::parameter
