#include <cmath>
#include <numbers>

#include "lathe/backend/ref/activation.h"

namespace lathe::backend::ref {
namespace {

double relu(const ir::Node&, double x) { return x <= 0 ? 0.0 : x; }
double relu_derivative(const ir::Node&, double x, double) { return x <= 0 ? 0.0 : 1.0; }

double leaky_relu(const ir::Node& node, double x) { return x > 0 ? x : x * node.number("negative_slope"); }
double leaky_relu_derivative(const ir::Node& node, double x, double) {
  return x > 0 ? 1.0 : node.number("negative_slope");
}

double hyperbolic_tangent(const ir::Node&, double x) { return std::tanh(x); }
double tanh_derivative(const ir::Node&, double, double y) { return 1 - y * y; }

double sigmoid(const ir::Node&, double x) {
  const double tail = std::exp(-std::fabs(x));
  return x < 0 ? tail / (1 + tail) : 1 / (1 + tail);
}
double sigmoid_derivative(const ir::Node&, double, double y) { return y * (1 - y); }

bool is_tanh_form(const ir::Node& node) { return node.string("approximate") == "tanh"; }

// Hendrycks & Gimpel 2016 (arXiv:1606.08415), section 2: the tanh form's inner argument and its derivative.
const double kTanhScale = std::sqrt(2 / std::numbers::pi);
constexpr double kCubic = 0.044715;
double inner(double x) { return kTanhScale * (x + kCubic * x * x * x); }
double inner_derivative(double x) { return kTanhScale * (1 + 3 * kCubic * x * x); }

double normal_distribution(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }
double normal_density(double x) { return std::exp(-0.5 * x * x) / std::sqrt(2 * std::numbers::pi); }

double gelu(const ir::Node& node, double x) {
  return is_tanh_form(node) ? 0.5 * x * (1 + std::tanh(inner(x))) : x * normal_distribution(x);
}

double gelu_derivative(const ir::Node& node, double x, double) {
  if (!is_tanh_form(node)) return normal_distribution(x) + x * normal_density(x);
  const double tangent = std::tanh(inner(x));
  return 0.5 * (1 + tangent) + 0.5 * x * (1 - tangent * tangent) * inner_derivative(x);
}

}  // namespace

Kernel relu_kernel() { return activation<relu, relu_derivative>("relu"); }
Kernel leaky_relu_kernel() { return activation<leaky_relu, leaky_relu_derivative>("leaky_relu"); }
Kernel tanh_kernel() { return activation<hyperbolic_tangent, tanh_derivative>("tanh"); }
Kernel sigmoid_kernel() { return activation<sigmoid, sigmoid_derivative>("sigmoid"); }
Kernel gelu_kernel() { return activation<gelu, gelu_derivative>("gelu"); }

}  // namespace lathe::backend::ref
