#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lathe/backend/onednn/builder.h"

namespace lathe::backend::onednn {

/// Adds the forward steps of a node and returns its output with what adds its backward steps.
using OpMaker = NodePlan (*)(PlanBuilder& builder, std::size_t node);

/// Finds the maker of an op; null when there is none. The list is in builtin.cpp.
OpMaker find_op_maker(std::string_view op);

/// Adds node `node` to the plan. Throws InternalError where there is no maker.
NodePlan make_op(PlanBuilder& builder, std::size_t node);

NodePlan make_convolution(PlanBuilder& builder, std::size_t node);
NodePlan make_linear(PlanBuilder& builder, std::size_t node);
NodePlan make_batch_norm(PlanBuilder& builder, std::size_t node);
NodePlan make_max_pool(PlanBuilder& builder, std::size_t node);
NodePlan make_avg_pool(PlanBuilder& builder, std::size_t node);
NodePlan make_adaptive_avg_pool(PlanBuilder& builder, std::size_t node);
NodePlan make_upsample(PlanBuilder& builder, std::size_t node);

NodePlan make_activation(PlanBuilder& builder, std::size_t node);
NodePlan make_quantize(PlanBuilder& builder, std::size_t node);
NodePlan make_dropout(PlanBuilder& builder, std::size_t node);
NodePlan make_add(PlanBuilder& builder, std::size_t node);
NodePlan make_mul(PlanBuilder& builder, std::size_t node);

NodePlan make_reshape(PlanBuilder& builder, std::size_t node);
NodePlan make_permute(PlanBuilder& builder, std::size_t node);
NodePlan make_concat(PlanBuilder& builder, std::size_t node);
NodePlan make_mean(PlanBuilder& builder, std::size_t node);

NodePlan make_layer_norm(PlanBuilder& builder, std::size_t node);
NodePlan make_embedding(PlanBuilder& builder, std::size_t node);
NodePlan make_position_embedding(PlanBuilder& builder, std::size_t node);
NodePlan make_softmax(PlanBuilder& builder, std::size_t node);
NodePlan make_matmul(PlanBuilder& builder, std::size_t node);
NodePlan make_attention(PlanBuilder& builder, std::size_t node);

}  // namespace lathe::backend::onednn
