#include "lathe/onnx/numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace lathe::onnx {

double shortest(float value, int digits) {
  if (!std::isfinite(value)) return static_cast<double>(value);
  const std::string text = digits > 0 ? fmt::format("{:.{}g}", value, digits) : fmt::format("{}", value);
  return std::strtod(text.c_str(), nullptr);
}

bool nearly(double a, double b) { return std::abs(a - b) <= 1e-6 * std::max(std::abs(a), std::abs(b)); }

}  // namespace lathe::onnx
