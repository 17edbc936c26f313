#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "lathe/base/shape.h"
#include "lathe/quant/format.h"
#include "lathe/quant/formula.h"
#include "lathe/quant/tensor_view.h"

namespace lathe::quant {

/// Says how a gradient passes a quantiser.
enum class GradientRule {
  kStraightThrough,  ///< dL/dx = dL/dq everywhere, clipped values included (MASE's rule, the default)
  kWithinRange,      ///< dL/dx = dL/dq where x lies in the format's range, else 0
  kSlope,            ///< dL/dx = dL/dq times the format's own formula `slope`
};

/// Says how a format quantises: what its kind makes of its options. A kind is done when it fills this.
struct Arithmetic {
  Formula value;                         ///< the nearest representable value; exact in float up to 24 significant bits
  double bits_per_value = 0;             ///< storage bits of one value (shared exponents of blocks counted in shares)
  std::pair<double, double> range = {};  ///< the smallest and the largest representable value
  GradientRule rule = GradientRule::kStraightThrough;
  Formula slope = {};  ///< kSlope: the factor of the gradient
  Granularity granularity = {};
  /// What Operation::kChannel reads, per constant: one number, or one for each index of granularity.axis.
  std::vector<std::vector<double>> channel_constants = {};
};

/// Applies one number format to tensors. Immutable and safe to share between threads; allocates nothing.
class Quantizer {
 public:
  explicit Quantizer(Arithmetic arithmetic);

  /// Writes the nearest representable values. `x` and `y` have the same shape and may be the same memory.
  void quantize(const TensorView<const float>& x, const TensorView<float>& y) const;
  void quantize(const TensorView<const double>& x, const TensorView<double>& y) const;
  /// The same for row-major tensors of one shape.
  template <typename T>
  void quantize(std::span<const T> x, std::span<T> y, const Shape& shape) const {
    LATHE_CHECK_EQ(x.size(), y.size());
    quantize(TensorView<const T>::parameter(x.data(), shape), TensorView<T>::parameter(y.data(), shape));
  }

  /// Turns the gradient of the quantised values into that of `x`, in place; nothing to do by straight-through rules.
  void pass_gradient(const TensorView<const float>& x, const TensorView<float>& gradient) const;
  void pass_gradient(const TensorView<const double>& x, const TensorView<double>& gradient) const;
  bool changes_gradients() const { return arithmetic_.rule != GradientRule::kStraightThrough; }

  double bits_per_value() const { return arithmetic_.bits_per_value; }
  std::pair<double, double> range() const { return arithmetic_.range; }
  const Arithmetic& arithmetic() const { return arithmetic_; }
  /// Returns the factor of gradients as a formula; empty by straight-through rules.
  const Formula& slope() const { return arithmetic_.slope; }

 private:
  Arithmetic arithmetic_;
};

/// Makes the quantiser of a format.
std::unique_ptr<const Quantizer> make_quantizer(const Format& format);

}  // namespace lathe::quant
