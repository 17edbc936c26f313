#include <algorithm>

#include "lathe/backend/ref/kernel.h"
#include "lathe/base/check.h"
#include "lathe/ir/activation.h"

namespace lathe::backend::ref {

const Kernel* find_kernel(std::string_view op) {
  static const std::vector<Kernel> kernels = {
      linear_kernel(),
      convolution_kernel("conv1d"),
      convolution_kernel("conv2d"),
      batch_norm_kernel("batch_norm1d"),
      batch_norm_kernel("batch_norm2d"),
      layer_norm_kernel(),
      max_pool_kernel("max_pool1d"),
      max_pool_kernel("max_pool2d"),
      average_pool_kernel("avg_pool1d"),
      average_pool_kernel("avg_pool2d"),
      adaptive_average_pool_kernel("adaptive_avg_pool1d"),
      adaptive_average_pool_kernel("adaptive_avg_pool2d"),
      upsample_kernel(),
      mean_kernel(),
      multiply_kernel(),
      concat_kernel(),
      permute_kernel(),
      matmul_kernel(),
      softmax_kernel(),
      attention_kernel(),
      embedding_kernel(),
      position_embedding_kernel(),
      dropout_kernel(),
      add_kernel(),
      quantize_kernel(),
      pass_through_kernel("flatten"),
      pass_through_kernel("reshape"),
      pass_through_kernel("identity"),
      pass_through_kernel("output"),
  };
  const auto found =
      std::find_if(kernels.begin(), kernels.end(), [&](const Kernel& kernel) { return op == kernel.op; });
  if (found != kernels.end()) return &*found;
  return ir::activations().find(op) == nullptr ? nullptr : &activation_kernel();
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
