#pragma once

#include <cmath>

#include "lathe/quant/format.h"

namespace lathe::quant {

/// Declares fixed point with `width` bits in all, `frac_width` of them behind the binary point (may be negative or
/// above width; NA = width // 2) and `signed` (1 or 0):
///   q(x) = clamp(round_half_even(x * 2^f), low, high) / 2^f,  low..high = -2^(w-1) .. 2^(w-1)-1 or 0 .. 2^w-1.
/// NaN stays NaN.
FormatKind integer_format_kind();

/// Holds what kernels need of an integer format; the one formula that all engines share.
struct IntegerScale {
  float scale = 1;    ///< 2^frac_width
  float inverse = 1;  ///< 2^-frac_width
  float low = 0;      ///< smallest integer code
  float high = 0;     ///< largest integer code

  float operator()(float x) const {
    const float code = std::nearbyint(x * scale);
    return (code < low ? low : (code > high ? high : code)) * inverse;
  }
};
/// Returns the constants of a format of kind "integer"; nullopt for other kinds.
std::optional<IntegerScale> integer_scale(const Format& format);

}  // namespace lathe::quant
