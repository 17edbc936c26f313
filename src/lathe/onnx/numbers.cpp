#include "lathe/onnx/numbers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "lathe/base/error.h"

namespace lathe::onnx {

double shortest(float value, int digits) {
  if (!std::isfinite(value)) return static_cast<double>(value);
  const std::string text = digits > 0 ? fmt::format("{:.{}g}", value, digits) : fmt::format("{}", value);
  return std::strtod(text.c_str(), nullptr);
}

Shape checked_sizes(Shape sizes, std::int64_t lowest, const std::string& what) {
  for (const std::int64_t size : sizes)
    if (size < lowest || size > (std::int64_t{1} << 20))
      throw DataError(fmt::format("{} = {}", what, to_string(sizes)));
  return sizes;
}

bool nearly(double a, double b) { return std::abs(a - b) <= 1e-6 * std::max(std::abs(a), std::abs(b)); }

}  // namespace lathe::onnx
