#include <cmath>

#include "lathe/backend/ref/regression_loss.h"

namespace lathe::backend::ref {
namespace {

double absolute(const engine::LossSettings&, double difference) { return std::fabs(difference); }
double sign(const engine::LossSettings&, double difference) { return difference > 0 ? 1 : difference < 0 ? -1 : 0; }

}  // namespace

LossKernel mean_absolute_error_kernel() { return regression_loss<absolute, sign>("mean_absolute_error"); }

}  // namespace lathe::backend::ref
