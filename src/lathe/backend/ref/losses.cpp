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

std::size_t largest_index(std::span<const double> values) {
  return static_cast<std::size_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

}  // namespace lathe::backend::ref
