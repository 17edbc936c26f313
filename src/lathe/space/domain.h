#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lathe/config/value.h"
#include "lathe/parameter/distribution.h"

namespace lathe::space {

/// Holds one value of a key; monostate is "NA".
using Scalar = parameter::Choice;
using parameter::to_string;

/// Says what a key holds, and with it what its ranges mean.
enum class KeyType {
  kText,     ///< words: lists of choices only
  kInteger,  ///< ranges of integers
  kNumber,   ///< ranges of integers where low, high and step are integers, else of floats
  kReal,     ///< ranges of floats, however they are written
};

/// Holds `when = { key = "seq_blocks_2/config/name", is = ["integer"] }` as it stands in the file.
struct When {
  const config::Value* key = nullptr;  ///< a string; within the node the key alone
  std::vector<Scalar> is = {};
  std::vector<const config::Value*> is_sources = {};  ///< where each of `is` stands
};

/// Holds what the file says about one key: a list of choices, or a table.
struct Domain {
  parameter::Distribution distribution;  ///< as `parameter::checked` returns it
  std::optional<When> when = {};
  const config::Value* source = nullptr;  ///< the list or the table
};

/// Reads `[2, 4]`, `{ choices = [2, 4] }` or `{ low = 1, high = 8, step = 1, log = false }`, the tables also with
/// `when`. A range of one value is a list of one choice. The pointers lead into `value`. Throws UserError with
/// position: what is neither, unknown keys (nearest shown), low above high, an end that is missing, log with step, an
/// empty list, a range where the type has none. Warns where the step does not reach `high`.
Domain read_domain(const config::Value& value, KeyType type);

/// Reads one choice; throws UserError with position for lists and tables.
Scalar read_scalar(const config::Value& value);

/// Returns the list of choices that a key holds in either form; null for a range.
const config::Value* choice_list(const config::Value& source);

/// Prints a distribution as people read it: `[2, 4]`, `2 .. 16`, `0.25 .. 2 step 0.25`, `0.0001 .. 0.1 log`.
std::string to_text(const parameter::Distribution& distribution);

/// Tells whether a distribution has one value: nothing to decide.
bool is_constant(const parameter::Distribution& distribution);

/// Returns at most `most` (at least 2) codes of a distribution in ascending order: all of them, or the first, the last
/// and some evenly between (in the logarithm of continuous logarithmic ranges).
std::vector<double> sample_codes(const parameter::Distribution& distribution, std::size_t most);

}  // namespace lathe::space
