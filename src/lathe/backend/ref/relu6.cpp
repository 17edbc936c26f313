#include <algorithm>

#include "lathe/backend/ref/activation.h"

namespace lathe::backend::ref {
namespace {

double relu6(const ir::Node&, double x) { return std::clamp(x, 0.0, 6.0); }
double derivative(const ir::Node&, double x, double) { return x > 0 && x < 6 ? 1.0 : 0.0; }

}  // namespace

Kernel relu6_kernel() { return activation<relu6, derivative>("relu6"); }

}  // namespace lathe::backend::ref
