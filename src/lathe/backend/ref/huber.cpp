#include <algorithm>

#include "lathe/backend/ref/regression_loss.h"

namespace lathe::backend::ref {
namespace {

double huber_derivative(const engine::LossSettings& loss, double difference) {
  return std::clamp(difference, -loss.delta, loss.delta);
}

}  // namespace

LossKernel huber_kernel() { return regression_loss<huber_derivative>("huber"); }

}  // namespace lathe::backend::ref
