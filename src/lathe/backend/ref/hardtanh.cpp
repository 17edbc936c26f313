#include <algorithm>

#include "lathe/backend/ref/activation.h"

namespace lathe::backend::ref {
namespace {

double hardtanh(const ir::Node& node, double x) {
  return std::clamp(x, node.number("min_val"), node.number("max_val"));
}
double derivative(const ir::Node& node, double x, double) {
  return x > node.number("min_val") && x < node.number("max_val") ? 1.0 : 0.0;
}

}  // namespace

Kernel hardtanh_kernel() { return activation<hardtanh, derivative>("hardtanh"); }

}  // namespace lathe::backend::ref
