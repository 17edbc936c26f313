#include "lathe/sampler/truncated_normal.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace lathe::sampler {
namespace {

/// Intervals narrower than this are integrated by a series around their middle.
constexpr double kNarrow = 1e-3;
/// Beyond this the tail is no longer visible beside 1.
constexpr double kWhole = 8.5;
constexpr double kInverseRootTwo = 1 / std::numbers::sqrt2;
constexpr double kInverseRootTwoPi = 0.5 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi;

double upper_tail(double z) { return 0.5 * std::erfc(z * kInverseRootTwo); }

double narrow_mass(double low, double high) {
  const double middle = 0.5 * (low + high);
  const double width = high - low;
  const double square = middle * middle;
  const double second = (square - 1) * width * width / 24;
  const double fourth = (square * square - 6 * square + 3) * width * width * width * width / 1920;
  return kInverseRootTwoPi * std::exp(-0.5 * square) * width * (1 + second + fourth);
}

template <std::size_t n>
double polynomial(const std::array<double, n>& coefficients, double x) {
  double value = 0;
  for (const double coefficient : coefficients) value = value * x + coefficient;
  return value;
}

/// Approximates the quantile of `p` <= 0.5 to 1e-9 (rational functions of P. J. Acklam).
double rough_lower_quantile(double p) {
  if (p < 0.02425) {
    constexpr std::array c{-7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00,
                           -2.549732539343734e+00, 4.374664141464968e+00,  2.938163982698783e+00};
    constexpr std::array d{7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00,
                           1.0};
    const double q = std::sqrt(-2 * std::log(p));
    return polynomial(c, q) / polynomial(d, q);
  }
  constexpr std::array a{-3.969683028665376e+01, 2.209460984245205e+02,  -2.759285104469687e+02,
                         1.383577518672690e+02,  -3.066479806614716e+01, 2.506628277459239e+00};
  constexpr std::array b{-5.447609879822406e+01, 1.615858368580409e+02,  -1.556989798598866e+02,
                         6.680131188771972e+01,  -1.328068155288572e+01, 1.0};
  const double q = p - 0.5;
  return q * polynomial(a, q * q) / polynomial(b, q * q);
}

}  // namespace

double normal_mass(double low, double high) {
  if (low <= -kWhole && high >= kWhole) return 1;
  if (high - low < kNarrow) return narrow_mass(low, high);
  if (low > 0) return upper_tail(low) - upper_tail(high);
  if (high < 0) return upper_tail(-high) - upper_tail(-low);
  return 0.5 * (std::erf(high * kInverseRootTwo) + std::erf(-low * kInverseRootTwo));
}

double normal_upper_quantile(double tail) {
  const double z = -rough_lower_quantile(tail);
  const double error = (upper_tail(z) - tail) / (kInverseRootTwoPi * std::exp(-0.5 * z * z));
  return z + error / (1 - 0.5 * z * error);  // Halley's method
}

double truncated_normal(double mean, double sigma, double low, double high, double uniform) {
  const double below = upper_tail((mean - low) / sigma);
  const double above = upper_tail((high - mean) / sigma);
  const double mass = normal_mass((low - mean) / sigma, (high - mean) / sigma);
  const double left = below + uniform * mass;
  const double right = above + (1 - uniform) * mass;
  constexpr double kSmallest = 1e-300;
  const double z = left < 0.5 ? -normal_upper_quantile(std::max(left, kSmallest))
                              : normal_upper_quantile(std::clamp(right, kSmallest, 0.5));
  return std::clamp(mean + sigma * z, low, high);
}

}  // namespace lathe::sampler
