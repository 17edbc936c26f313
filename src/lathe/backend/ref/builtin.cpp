#include <algorithm>

#include "lathe/backend/ref/kernel.h"
#include "lathe/base/check.h"

namespace lathe::backend::ref {

const Kernel* find_kernel(std::string_view op) {
  static const std::vector<Kernel> kernels = {
      linear_kernel(),
      batch_norm1d_kernel(),
      relu_kernel(),
      leaky_relu_kernel(),
      tanh_kernel(),
      sigmoid_kernel(),
      gelu_kernel(),
      relu6_kernel(),
      silu_kernel(),
      hardswish_kernel(),
      hardsigmoid_kernel(),
      hardtanh_kernel(),
      elu_kernel(),
      selu_kernel(),
      softplus_kernel(),
      dropout_kernel(),
      add_kernel(),
      quantize_kernel(),
      pass_through_kernel("flatten"),
      pass_through_kernel("identity"),
      pass_through_kernel("output"),
  };
  const auto found =
      std::find_if(kernels.begin(), kernels.end(), [&](const Kernel& kernel) { return op == kernel.op; });
  return found == kernels.end() ? nullptr : &*found;
}

Tensor* NodeState::find(std::string_view name) {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [&](const Tensor& t) { return t.parameter->name == name; });
  return found == tensors.end() ? nullptr : &*found;
}

Tensor& NodeState::tensor(std::string_view name) {
  Tensor* found = find(name);
  LATHE_CHECK(found != nullptr, "node {} has no tensor {}", node->name, name);
  return *found;
}

}  // namespace lathe::backend::ref
