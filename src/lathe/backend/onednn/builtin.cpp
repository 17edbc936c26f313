#include <algorithm>
#include <utility>

#include "lathe/backend/onednn/op.h"
#include "lathe/base/check.h"
#include "lathe/ir/activation.h"

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
  if (found != std::end(kMakers)) return found->second;
  return ir::activations().find(op) == nullptr ? nullptr : make_activation;
}

NodePlan make_op(PlanBuilder& builder, std::size_t node) {
  const OpMaker maker = find_op_maker(builder.graph().nodes[node].op);
  LATHE_CHECK(maker != nullptr, "op {}", builder.graph().nodes[node].op);
  return maker(builder, node);
}

}  // namespace lathe::backend::onednn
