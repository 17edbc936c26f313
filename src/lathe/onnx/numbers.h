#pragma once

namespace lathe::onnx {

/// Returns the number whose shortest decimal text is that of a float: attributes of ONNX are floats, ours are doubles,
/// and 1e-5 must stay 1e-5. `digits` rounds to as many significant digits; 0: as many as the float has.
double shortest(float value, int digits = 0);

/// Tells whether two numbers are equal but for rounding to float.
bool nearly(double a, double b);

}  // namespace lathe::onnx
