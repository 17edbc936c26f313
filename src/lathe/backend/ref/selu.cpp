#include <cmath>

#include "lathe/backend/ref/activation.h"

namespace lathe::backend::ref {
namespace {

// Klambauer et al. 2017 (arXiv:1706.02515), section 2: the fixed point of mean 0 and variance 1.
constexpr double kAlpha = 1.6732632423543772848170429916717, kScale = 1.0507009873554804934193349852946;

double selu(const ir::Node&, double x) { return kScale * (x > 0 ? x : kAlpha * std::expm1(x)); }
double derivative(const ir::Node&, double x, double) { return kScale * (x > 0 ? 1.0 : kAlpha * std::exp(x)); }

}  // namespace

Kernel selu_kernel() { return activation<selu, derivative>("selu"); }

}  // namespace lathe::backend::ref
