#include <cmath>

#include "lathe/backend/ref/activation.h"

namespace lathe::backend::ref {
namespace {

double elu(const ir::Node& node, double x) { return x > 0 ? x : node.number("alpha") * std::expm1(x); }
double derivative(const ir::Node& node, double x, double) { return x > 0 ? 1.0 : node.number("alpha") * std::exp(x); }

}  // namespace

Kernel elu_kernel() { return activation<elu, derivative>("elu"); }

}  // namespace lathe::backend::ref
