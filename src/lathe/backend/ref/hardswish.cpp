#include <algorithm>

#include "lathe/backend/ref/activation.h"

namespace lathe::backend::ref {
namespace {

double hardswish(const ir::Node&, double x) { return x * std::clamp(x + 3, 0.0, 6.0) / 6; }
double derivative(const ir::Node&, double x, double) { return x <= -3 ? 0.0 : x < 3 ? x / 3 + 0.5 : 1.0; }

}  // namespace

Kernel hardswish_kernel() { return activation<hardswish, derivative>("hardswish"); }

}  // namespace lathe::backend::ref
