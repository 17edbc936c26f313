#include <algorithm>

#include "lathe/backend/ref/activation.h"

namespace lathe::backend::ref {
namespace {

double hardsigmoid(const ir::Node&, double x) { return std::clamp(x + 3, 0.0, 6.0) / 6; }
double derivative(const ir::Node&, double x, double) { return x > -3 && x < 3 ? 1.0 / 6 : 0.0; }

}  // namespace

Kernel hardsigmoid_kernel() { return activation<hardsigmoid, derivative>("hardsigmoid"); }

}  // namespace lathe::backend::ref
