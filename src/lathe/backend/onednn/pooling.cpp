#include "lathe/backend/onednn/op.h"
#include "lathe/backend/onednn/plane_map.h"

namespace lathe::backend::onednn {
namespace {

using Forward = dnnl::pooling_forward;
using Backward = dnnl::pooling_backward;

// The window of a pool; the padding behind the last value is what the shape of the output asks for.
struct Window {
  memory::dims kernel, stride, before, behind;
  bool cut_off = false;  // the last window reaches beyond the padding
};

Window window_of(const ir::Node& node, const memory::dims& source) {
  Window window{node.integers("kernel_size"), node.integers("stride"), node.integers("padding"), {}};
  for (std::size_t i = 0; i < window.kernel.size(); ++i) {
    if (window.stride[i] == 0) window.stride[i] = window.kernel[i];
    const memory::dim end = (node.output_shape[i + 1] - 1) * window.stride[i] + window.kernel[i];
    window.behind.push_back(end - source[i + 2] - window.before[i]);
    window.cut_off = window.cut_off || window.behind[i] > window.before[i];
  }
  return window;
}

NodePlan add_pool(PlanBuilder& builder, std::size_t node, dnnl::algorithm algorithm, const Window& window) {
  const Tensor source = builder.input(node);
  const auto kind = builder.training() ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
  const memory::dims dims = batch_dims(builder.rows(), builder.graph().nodes[node].output_shape);
  const auto type = static_cast<memory::data_type>(source.desc.data.data_type);
  const Forward::primitive_desc forward(
      {kind, algorithm, source.desc, any_desc(dims, type), window.stride, window.kernel, window.before, window.behind},
      PlanBuilder::attributes(), processor());
  const Tensor target = builder.add_tensor(forward.dst_desc());
  std::vector<std::pair<int, Tensor>> arguments = {{DNNL_ARG_SRC, source}, {DNNL_ARG_DST, target}};
  std::optional<Tensor> workspace;
  if (forward.workspace_desc().get_size() > 0) {
    workspace = builder.add_tensor(forward.workspace_desc());
    arguments.emplace_back(DNNL_ARG_WORKSPACE, *workspace);
  }
  builder.call<Forward>("pool", forward, arguments);
  return {target, [&builder, node, algorithm, window, forward, source, target, workspace](const Gradient& gradient) {
            const Backward::primitive_desc desc(
                {algorithm, source.desc, target.desc, window.stride, window.kernel, window.before, window.behind},
                PlanBuilder::attributes(), processor(), forward);
            const Tensor result = builder.add_tensor(source.desc);
            std::vector<std::pair<int, Tensor>> given = {
                {DNNL_ARG_DIFF_DST, builder.in_layout(gradient.tensor, target.desc)}, {DNNL_ARG_DIFF_SRC, result}};
            if (workspace) given.emplace_back(DNNL_ARG_WORKSPACE, *workspace);
            builder.call<Backward>("pool backward", desc, given);
            builder.contribute(node, 0, {result});
          }};
}

}  // namespace

NodePlan make_max_pool(PlanBuilder& builder, std::size_t node) {
  const Window window = window_of(builder.graph().nodes[node], builder.input(node).desc.dims());
  return add_pool(builder, node, dnnl::algorithm::pooling_max, window);
}

// oneDNN divides by the whole window or by what lies inside the plane; PyTorch's cut-off windows need a rule of their
// own.
NodePlan make_avg_pool(PlanBuilder& builder, std::size_t node) {
  const ir::Node& properties = builder.graph().nodes[node];
  const Window window = window_of(properties, builder.input(node).desc.dims());
  const bool counts_padding = properties.boolean("count_include_pad");
  if (window.cut_off && counts_padding) return add_plane_map(builder, node, average_sources(builder.graph(), node));
  return add_pool(
      builder, node,
      counts_padding ? dnnl::algorithm::pooling_avg_include_padding : dnnl::algorithm::pooling_avg_exclude_padding,
      window);
}

// Bins of equal size that do not overlap are the windows of a plain pool.
NodePlan make_adaptive_avg_pool(PlanBuilder& builder, std::size_t node) {
  const Shape& size = builder.graph().nodes[node].integers("output_size");
  const memory::dims source = builder.input(node).desc.dims();
  Window window;
  for (std::size_t i = 0; i < size.size(); ++i) {
    if (source[i + 2] % size[i] != 0) return add_plane_map(builder, node, adaptive_sources(builder.graph(), node));
    window.kernel.push_back(source[i + 2] / size[i]);
  }
  window.stride = window.kernel;
  window.before = window.behind = memory::dims(size.size(), 0);
  return add_pool(builder, node, dnnl::algorithm::pooling_avg_exclude_padding, window);
}

}  // namespace lathe::backend::onednn
