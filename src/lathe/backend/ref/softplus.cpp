#include <algorithm>
#include <cmath>

#include "lathe/backend/ref/activation.h"

namespace lathe::backend::ref {
namespace {

bool is_linear(const ir::Node& node, double x) { return node.number("beta") * x > node.number("threshold"); }

double softplus(const ir::Node& node, double x) {
  const double scaled = node.number("beta") * x;
  if (is_linear(node, x)) return x;
  return (std::max(scaled, 0.0) + std::log1p(std::exp(-std::fabs(scaled)))) / node.number("beta");
}
double derivative(const ir::Node& node, double x, double) {
  return is_linear(node, x) ? 1.0 : 0.5 * (1 + std::tanh(0.5 * node.number("beta") * x));
}

}  // namespace

Kernel softplus_kernel() { return activation<softplus, derivative>("softplus"); }

}  // namespace lathe::backend::ref
