#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

#include "lathe/quant/format.h"

namespace lathe::quant {

/// Declares fixed point with `width` bits in all, `frac_width` of them behind the binary point (may be negative or
/// above width; NA = width // 2) and `signed` (1 or 0):
///   q(x) = clamp(round_half_even(x * 2^f), low, high) / 2^f,  low..high = -2^(w-1) .. 2^(w-1)-1 or 0 .. 2^w-1.
/// NaN stays NaN. With `scale` (reals above 0: one, or one for each index of `axis`) and `zero_point` (integers, the
/// same) in the place of frac_width it is ONNX's QuantizeLinear and DequantizeLinear
/// (https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html):
///   q(x) = (clamp(round_half_even(x / scale) + zero_point, low, high) - zero_point) * scale.
/// With `rounding` = with_zero_point the zero point is added before rounding, which
/// makes a difference for odd ones alone (QONNX's Quant).
/// `gradient` is straight_through (the default) or within_range.
FormatKind integer_format_kind();

/// Computes fixed point on any kind of value; the one formula of all engines. NaN stays NaN.
template <class Operations, class Value, class Constant>
inline Value fixed_point(const Operations& op, const Value& x, const Constant& scale, const Constant& inverse,
                         const Constant& low, const Constant& high) {
  return op.multiply(op.clamp(op.round(op.multiply(x, scale)), low, high), inverse);
}

/// Holds what fused kernels need of an integer format with a power of two for its step.
struct IntegerScale {
  float scale = 1;    ///< 2^frac_width
  float inverse = 1;  ///< 2^-frac_width
  float low = 0;      ///< smallest integer code
  float high = 0;     ///< largest integer code

  float operator()(float x) const;
};
/// Returns the constants of a format of kind "integer" that passes gradients straight through and has no scale of its
/// own; nullopt for others.
std::optional<IntegerScale> integer_scale(const Format& format);

/// Returns the step of a format of kind "integer" that has one for all values and 0 for the code of 0; nullopt for
/// others.
std::optional<double> integer_step(const Format& format);

/// Returns the dimension whose indices have constants of their own; nullopt where a format has one for all values.
std::optional<std::int64_t> channel_axis(const Format& format);
/// Returns the same format for a tensor whose dimension `channel_axis` stands elsewhere.
Format with_axis(const Format& format, std::int64_t axis);

/// Returns a format that has the same values, as files of ONNX can say it: a power of two in the place of a scale, no
/// zero points of 0, no rounding that makes no difference, no gradient rule. Other kinds stay as they are.
Format stored_form(const Format& format);

/// Computes with floats one by one.
struct FloatOperations {
  float multiply(float a, float b) const { return a * b; }
  float round(float a) const { return std::nearbyint(a); }
  float clamp(float a, float low, float high) const { return a < low ? low : (a > high ? high : a); }
};

inline float IntegerScale::operator()(float x) const {
  return fixed_point(FloatOperations(), x, scale, inverse, low, high);
}

}  // namespace lathe::quant
