#include <algorithm>
#include <cmath>

#include "lathe/backend/ref/regression_loss.h"

namespace lathe::backend::ref {
namespace {

// Huber 1964, Annals of Mathematical Statistics 35, as torch.nn.HuberLoss scales it.
double huber(const engine::LossSettings& loss, double difference) {
  const double magnitude = std::fabs(difference);
  return magnitude <= loss.delta ? 0.5 * difference * difference : loss.delta * (magnitude - 0.5 * loss.delta);
}

double huber_derivative(const engine::LossSettings& loss, double difference) {
  return std::clamp(difference, -loss.delta, loss.delta);
}

}  // namespace

LossKernel huber_kernel() { return regression_loss<huber, huber_derivative>("huber"); }

}  // namespace lathe::backend::ref
