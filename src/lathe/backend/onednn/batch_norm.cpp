#include <cmath>

#include "lathe/backend/onednn/op.h"
#include "lathe/base/check.h"

namespace lathe::backend::onednn {
namespace {

using Forward = dnnl::batch_normalization_forward;
using Backward = dnnl::batch_normalization_backward;
using Flags = dnnl::normalization_flags;

// [batch, features] is an image of one position with its channels last.
memory::desc image_desc(const memory::desc& desc) {
  if (desc.data.ndims != 2) return desc;
  const memory::dim batch = desc.data.dims[0], channels = desc.data.dims[1];
  return {{batch, channels, 1, 1}, static_cast<memory::data_type>(desc.data.data_type), memory::format_tag::nhwc};
}

struct BatchNorm {
  Parameter *weight, *bias, *mean, *variance;
  Forward::primitive_desc forward;
  Tensor source, target, batch_mean, batch_variance;
  std::optional<Tensor> workspace;
};

Forward::primitive_desc forward_desc(const PlanBuilder& builder, std::size_t node, const memory::desc& source) {
  Flags flags = Flags::use_scale | Flags::use_shift;
  if (!builder.training()) flags |= Flags::use_global_stats;
  if (builder.fusions().relu[node]) flags |= Flags::fuse_norm_relu;
  const auto kind = builder.training() ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
  const auto epsilon = static_cast<float>(builder.graph().nodes[node].number("eps"));
  return {{kind, source, epsilon, flags}, PlanBuilder::attributes(), processor()};
}

// Adds the step that moves the running statistics; the unbiased variance is tracked, as PyTorch does.
void add_tracking(PlanBuilder& builder, std::size_t node, const BatchNorm& norm) {
  const double momentum = builder.graph().nodes[node].number("momentum");
  const auto count = static_cast<double>(value_count(norm.source.desc)) / static_cast<double>(norm.mean->stored());
  LATHE_CHECK(count > 1, "node {}: batch statistics of one row", builder.graph().nodes[node].name);
  Parameter* tracked = builder.parameter(node, "num_batches_tracked");
  const auto move = [momentum](float& running, double batch) {
    running = static_cast<float>((1 - momentum) * running + momentum * batch);
  };
  builder.step("running statistics", {norm.batch_mean, norm.batch_variance}, [=](const Pass& pass) {
    bool finite = true;
    for (std::size_t i = 0; i < norm.batch_mean.stored(); ++i) {
      const double mean = norm.batch_mean.floats()[i], variance = norm.batch_variance.floats()[i];
      move(norm.mean->effective.floats()[i], mean);
      move(norm.variance->effective.floats()[i], variance * count / (count - 1));
      finite = finite && std::isfinite(mean) && std::isfinite(variance);
    }
    if (tracked != nullptr) ++tracked->counter;
    if (!finite) *pass.finite = false;
  });
}

void add_forward(PlanBuilder& builder, std::size_t node, const BatchNorm& norm) {
  const Tensor& mean = builder.training() ? norm.batch_mean : norm.mean->effective;
  const Tensor& variance = builder.training() ? norm.batch_variance : norm.variance->effective;
  std::vector<std::pair<int, Tensor>> arguments = {{DNNL_ARG_SRC, norm.source},
                                                   {DNNL_ARG_DST, norm.target},
                                                   {DNNL_ARG_SCALE, norm.weight->effective},
                                                   {DNNL_ARG_SHIFT, norm.bias->effective},
                                                   {DNNL_ARG_MEAN, mean},
                                                   {DNNL_ARG_VARIANCE, variance}};
  if (norm.workspace) arguments.emplace_back(DNNL_ARG_WORKSPACE, *norm.workspace);
  builder.call<Forward>("batch norm", norm.forward, arguments);
  if (builder.training()) add_tracking(builder, node, norm);
}

void add_backward(PlanBuilder& builder, std::size_t node, const BatchNorm& norm, const Gradient& incoming) {
  Flags flags = Flags::use_scale | Flags::use_shift;
  if (builder.fusions().relu[node]) flags |= Flags::fuse_norm_relu;
  const memory::desc& layout = norm.source.desc;
  const auto epsilon = static_cast<float>(builder.graph().nodes[node].number("eps"));
  const Backward::primitive_desc desc({dnnl::prop_kind::backward, layout, layout, epsilon, flags},
                                      PlanBuilder::attributes(), processor(), norm.forward);
  const Tensor gradient = builder.writable(incoming, builder.input(node).desc);
  const Tensor view = builder.add_view(gradient, layout);
  const Tensor scale = builder.add_tensor(norm.weight->effective.desc),
               shift = builder.add_tensor(norm.bias->effective.desc);
  std::vector<std::pair<int, Tensor>> arguments = {{DNNL_ARG_SRC, norm.source},
                                                   {DNNL_ARG_MEAN, norm.batch_mean},
                                                   {DNNL_ARG_VARIANCE, norm.batch_variance},
                                                   {DNNL_ARG_DIFF_DST, view},
                                                   {DNNL_ARG_SCALE, norm.weight->effective},
                                                   {DNNL_ARG_SHIFT, norm.bias->effective},
                                                   {DNNL_ARG_DIFF_SRC, view},
                                                   {DNNL_ARG_DIFF_SCALE, scale},
                                                   {DNNL_ARG_DIFF_SHIFT, shift}};
  if (norm.workspace) arguments.emplace_back(DNNL_ARG_WORKSPACE, *norm.workspace);
  builder.call<Backward>("batch norm backward", desc, arguments);
  builder.add_small_gradient(*norm.weight, scale);
  builder.add_small_gradient(*norm.bias, shift);
  builder.contribute(node, 0, {gradient});
}

}  // namespace

NodePlan make_batch_norm(PlanBuilder& builder, std::size_t node) {
  const Tensor& input = builder.input(node);
  const memory::desc layout = image_desc(input.desc);
  BatchNorm norm{.weight = &builder.plain_parameter(node, "weight"),
                 .bias = &builder.plain_parameter(node, "bias"),
                 .mean = &builder.plain_parameter(node, "running_mean"),
                 .variance = &builder.plain_parameter(node, "running_var"),
                 .forward = forward_desc(builder, node, layout),
                 .source = builder.add_view(input, layout),
                 .target = {},
                 .batch_mean = {},
                 .batch_variance = {},
                 .workspace = {}};
  const Tensor output = builder.add_tensor(input.desc);
  norm.target = builder.add_view(output, layout);
  if (builder.training()) {
    norm.batch_mean = builder.add_tensor(norm.mean->effective.desc);
    norm.batch_variance = builder.add_tensor(norm.variance->effective.desc);
    if (norm.forward.workspace_desc().get_size() > 0)
      norm.workspace = builder.add_tensor(norm.forward.workspace_desc());
  }
  add_forward(builder, node, norm);
  return {output, [&builder, node, norm](const Gradient& gradient) { add_backward(builder, node, norm, gradient); }};
}

}  // namespace lathe::backend::onednn
