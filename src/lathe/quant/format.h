#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/base/registry.h"
#include "lathe/base/shape.h"

namespace lathe::quant {

/// Says how a gradient passes a quantiser.
enum class GradientRule {
  kStraightThrough,  ///< dL/dx = dL/dq everywhere, clipped values included (MASE's rule, the default)
};

/// Applies one number format to tensors. Immutable and safe to share between threads.
class Quantizer {
 public:
  virtual ~Quantizer() = default;
  /// Writes the nearest representable values. `x` and `y` have the same length and may be the same memory;
  /// `shape` is the tensor's shape (block formats need it). Every float result is exact: formats are subsets
  /// of float up to 24 significant bits.
  virtual void quantize(std::span<const float> x, std::span<float> y, const Shape& shape) const = 0;
  virtual void quantize(std::span<const double> x, std::span<double> y, const Shape& shape) const = 0;
  /// Returns storage bits for one value (shared exponents of block formats counted in shares).
  virtual double bits_per_value() const = 0;
  /// Returns the smallest and the largest representable value.
  virtual std::pair<double, double> range() const = 0;
  virtual GradientRule gradient_rule() const { return GradientRule::kStraightThrough; }
};

/// Names one option of a format, in the spelling that configuration files put behind `data_in_`, `weight_`, `bias_`.
struct FormatOption {
  std::string name;
  std::int64_t value = 0;
  bool operator==(const FormatOption&) const = default;
};

/// Holds a number format as a value: kind and complete options ("NA" resolved). Equal text means equal arithmetic.
struct Format {
  std::string kind;                   ///< registered name, e.g. "integer"
  std::vector<FormatOption> options;  ///< in the order of the kind's declaration

  /// Returns an option; throws InternalError when the kind has none of that name.
  std::int64_t option(std::string_view name) const;
  /// Prints `integer(width=8, frac_width=4, signed=1)`.
  std::string to_string() const;
  bool operator==(const Format&) const = default;
};

/// Declares one option of a format kind.
struct FormatOptionDeclaration {
  std::string name;
  std::int64_t low = 0;
  std::int64_t high = 0;
  std::string description;
  /// Computes the value when the option is absent or "NA" from the options declared before it; without it the
  /// option is obligatory.
  std::function<std::int64_t(const Format& so_far)> default_value;
};

/// Declares a number format: all that the program knows of it. One line in builtin.def per kind.
struct FormatKind {
  std::string name;
  std::vector<std::string> aliases;
  std::string description;
  std::vector<FormatOptionDeclaration> options;
  std::unique_ptr<const Quantizer> (*make)(const Format&);
};

/// Returns all kinds, in the order of builtin.def.
const Registry<FormatKind>& format_kinds();
/// Finds a kind by name or alias; throws UserError with the nearest name.
const FormatKind& format_kind(std::string_view name);

/// Names an option given by a user; nullopt stands for "NA".
struct GivenOption {
  std::string name;
  std::optional<std::int64_t> value;
};
/// Completes and checks the options. Throws UserError: unknown option (nearest shown), out of range, absent.
Format make_format(std::string_view kind, std::span<const GivenOption> given);
/// Reads what Format::to_string prints; throws UserError.
Format parse_format(std::string_view text);
/// Makes the quantiser of a format.
std::unique_ptr<const Quantizer> make_quantizer(const Format& format);

}  // namespace lathe::quant
