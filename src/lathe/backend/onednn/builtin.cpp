#include <algorithm>
#include <utility>

#include "lathe/backend/onednn/op.h"
#include "lathe/base/check.h"

namespace lathe::backend::onednn {
namespace {

constexpr std::pair<std::string_view, OpMaker> kMakers[] = {
    {"conv1d", make_convolution},
    {"conv2d", make_convolution},
    {"linear", make_linear},
    {"batch_norm1d", make_batch_norm},
    {"batch_norm2d", make_batch_norm},
    {"max_pool1d", make_max_pool},
    {"max_pool2d", make_max_pool},
    {"avg_pool1d", make_avg_pool},
    {"avg_pool2d", make_avg_pool},
    {"adaptive_avg_pool1d", make_adaptive_avg_pool},
    {"adaptive_avg_pool2d", make_adaptive_avg_pool},
    {"upsample", make_upsample},
    {"relu", make_activation},
    {"leaky_relu", make_activation},
    {"tanh", make_activation},
    {"sigmoid", make_activation},
    {"gelu", make_activation},
    {"relu6", make_activation},
    {"silu", make_activation},
    {"hardswish", make_activation},
    {"hardsigmoid", make_activation},
    {"hardtanh", make_activation},
    {"elu", make_activation},
    {"selu", make_activation},
    {"softplus", make_activation},
    {"quantize", make_quantize},
    {"dropout", make_dropout},
    {"add", make_add},
    {"mul", make_mul},
    {"flatten", make_reshape},
    {"reshape", make_reshape},
    {"permute", make_permute},
    {"concat", make_concat},
    {"mean", make_mean},
    {"layer_norm", make_layer_norm},
    {"embedding", make_embedding},
    {"position_embedding", make_position_embedding},
    {"softmax", make_softmax},
    {"matmul", make_matmul},
    {"attention", make_attention},
};

}  // namespace

OpMaker find_op_maker(std::string_view op) {
  const auto found = std::find_if(std::begin(kMakers), std::end(kMakers), [&](const auto& m) { return m.first == op; });
  return found == std::end(kMakers) ? nullptr : found->second;
}

NodePlan make_op(PlanBuilder& builder, std::size_t node) {
  const OpMaker maker = find_op_maker(builder.graph().nodes[node].op);
  LATHE_CHECK(maker != nullptr, "op {}", builder.graph().nodes[node].op);
  return maker(builder, node);
}

}  // namespace lathe::backend::onednn
