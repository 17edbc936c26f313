#include <cmath>

#include "lathe/backend/ref/activation.h"

namespace lathe::backend::ref {
namespace {

double logistic(double x) { return 0.5 * (1 + std::tanh(0.5 * x)); }
double silu(const ir::Node&, double x) { return x * logistic(x); }
double derivative(const ir::Node&, double x, double) { return logistic(x) * (1 + x * logistic(-x)); }

}  // namespace

Kernel silu_kernel() { return activation<silu, derivative>("silu"); }

}  // namespace lathe::backend::ref
