#include "lathe/backend/ref/regression_loss.h"

namespace lathe::backend::ref {
namespace {

double sign(const engine::LossSettings&, double difference) { return difference > 0 ? 1 : difference < 0 ? -1 : 0; }

}  // namespace

LossKernel mean_absolute_error_kernel() { return regression_loss<sign>("mean_absolute_error"); }

}  // namespace lathe::backend::ref
