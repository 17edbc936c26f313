#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lathe/base/registry.h"
#include "lathe/base/shape.h"

namespace lathe::quant {

struct Arithmetic;

/// Holds the value of a format's option: on or off, integer, real (float32), a list of reals or of integers, a name.
using OptionValue = std::variant<bool, std::int64_t, double, std::vector<double>, Shape, std::string>;
/// Lists the types, in the order of OptionValue.
enum class OptionType { kBoolean, kInteger, kReal, kReals, kIntegers, kName };

/// Names one option of a format, in the spelling that configuration files put behind `data_in_`, `weight_`, `bias_`.
struct FormatOption {
  std::string name;
  OptionValue value;
  bool operator==(const FormatOption&) const = default;
};

/// Says which values of a tensor share the constants of a format. Dimensions are those of a parameter or of one sample.
struct Granularity {
  enum class Kind {
    kTensor,   ///< all
    kChannel,  ///< those of one index of dimension `axis`
    kBlock,    ///< blocks of the extents `block`, which are those of the last dimensions; the others count 1
  };
  Kind kind = Kind::kTensor;
  std::int64_t axis = 0;
  Shape block = {};
  bool operator==(const Granularity&) const = default;
};

/// Holds a number format as a value: kind and options ("NA" resolved). Equal text means equal arithmetic.
struct Format {
  std::string kind;  ///< registered name, e.g. "integer"
  /// In the order of the kind's declaration, those left out that may be and are not given.
  std::vector<FormatOption> options;

  /// Returns an option; null when the format does not say it.
  const OptionValue* find(std::string_view name) const;
  /// Returns an option of the type integer; throws InternalError when the format has none of that name.
  std::int64_t integer(std::string_view name) const;
  /// Prints `integer(width=8, frac_width=4, signed=1)`.
  std::string to_string() const;
  bool operator==(const Format&) const = default;
};

/// Names an option given by a user; nullopt stands for "NA".
struct GivenOption {
  std::string name;
  std::optional<OptionValue> value;
};

/// Declares one option of a format kind.
struct FormatOptionDeclaration {
  std::string name;
  double low = 0;  ///< of numbers, also those in lists
  double high = 0;
  std::string description;
  /// Computes the value when the option is absent or "NA" from the options declared before it and all that are given;
  /// without it the option is obligatory, or optional.
  std::function<OptionValue(const Format& so_far, std::span<const GivenOption> given)> default_value = {};
  OptionType type = OptionType::kInteger;
  bool optional = false;  ///< true: a format need not say it
  /// Of an option of the type name: what it may be. Of an optional one the first is what absence means.
  std::vector<std::string> names = {};
};

/// Declares a number format: all that the program knows of it. One line in builtin.def per kind.
struct FormatKind {
  std::string name;
  std::vector<std::string> aliases;
  std::string description;
  std::vector<FormatOptionDeclaration> options;
  /// Says how a format of this kind, whose options are in their ranges, quantises. Throws UserError for options that
  /// contradict each other.
  Arithmetic (*arithmetic)(const Format&);
};

/// Returns all kinds, in the order of builtin.def.
const Registry<FormatKind>& format_kinds();
/// Finds a kind by name or alias; throws UserError with the nearest name.
const FormatKind& format_kind(std::string_view name);
/// Finds the declaration of an option in any kind; null when no kind has it.
const FormatOptionDeclaration* find_option(std::string_view name);

/// Returns a value as the type of an option: a boolean as an integer, an integer as a real, one number as a list of
/// one; nullopt where it is of another type.
std::optional<OptionValue> converted(const OptionValue& value, OptionType type);
/// Names a type for messages: "an integer".
std::string to_string(OptionType type);

/// Completes and checks the options. Throws UserError: unknown option (nearest shown), wrong type, out of range,
/// absent, contradicting another.
Format make_format(std::string_view kind, std::span<const GivenOption> given);
/// Reads what Format::to_string prints; throws UserError.
Format parse_format(std::string_view text);

/// Returns why a format cannot act on a tensor (a parameter's shape, or a sample's); nullopt where it can.
std::optional<std::string> misfit(const Format& format, const Shape& shape);

}  // namespace lathe::quant
