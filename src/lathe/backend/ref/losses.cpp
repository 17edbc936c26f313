#include <algorithm>
#include <vector>

#include "lathe/backend/ref/loss.h"

namespace lathe::backend::ref {

const LossKernel* find_loss_kernel(std::string_view name) {
  static const std::vector<LossKernel> kernels = {
      cross_entropy_kernel(),
      mean_squared_error_kernel(),
      mean_absolute_error_kernel(),
      huber_kernel(),
  };
  const auto found =
      std::find_if(kernels.begin(), kernels.end(), [&](const LossKernel& kernel) { return name == kernel.name; });
  return found == kernels.end() ? nullptr : &*found;
}

}  // namespace lathe::backend::ref
