#include "lathe/backend/ref/regression_loss.h"

namespace lathe::backend::ref {
namespace {

double square_derivative(const engine::LossSettings&, double difference) { return 2 * difference; }

}  // namespace

LossKernel mean_squared_error_kernel() { return regression_loss<square_derivative>("mean_squared_error"); }

}  // namespace lathe::backend::ref
