#pragma once

#include <string>

#include "lathe/base/shape.h"

namespace lathe::onnx {

/// Returns the number whose shortest decimal text is that of a float: attributes of ONNX are floats, ours are doubles,
/// and 1e-5 must stay 1e-5. `digits` rounds to as many significant digits; 0: as many as the float has.
double shortest(float value, int digits = 0);

/// Returns a list of sizes of a window. Throws DataError naming `what` for sizes below `lowest` or above 2^20.
Shape checked_sizes(Shape sizes, std::int64_t lowest, const std::string& what);

/// Tells whether two numbers are equal but for rounding to float.
bool nearly(double a, double b);

}  // namespace lathe::onnx
