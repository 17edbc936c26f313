#include <cmath>

#include "lathe/backend/onednn/op.h"
#include "lathe/backend/onednn/relu.h"

namespace lathe::backend::onednn {
namespace {

using Forward = dnnl::convolution_forward;
using BackwardData = dnnl::convolution_backward_data;
using BackwardWeights = dnnl::convolution_backward_weights;

constexpr auto kDirect = dnnl::algorithm::convolution_direct;
constexpr auto kFloat = memory::data_type::f32;

// What the descriptors of a node's primitives have in common; layouts are left to oneDNN.
struct Shapes {
  memory::dims source, weights, target, strides, dilations, padding;
  memory::data_type type;

  Shapes(const PlanBuilder& builder, std::size_t index) : type(builder.type()) {
    const ir::Node& node = builder.graph().nodes[index];
    const memory::dim groups = node.integer("groups"), in = node.integer("in_channels");
    source = builder.input(index).desc.dims();
    target = batch_dims(builder.rows(), node.output_shape);
    weights = {node.integer("out_channels") / groups, in / groups};
    if (groups > 1) weights.insert(weights.begin(), groups);
    for (const std::int64_t extent : node.integers("kernel_size")) weights.push_back(extent);
    strides = node.integers("stride");
    padding = node.integers("padding");
    for (const std::int64_t dilation : node.integers("dilation")) dilations.push_back(dilation - 1);
  }

  memory::desc source_desc() const { return any_desc(source, type); }
  memory::desc target_desc() const { return any_desc(target, type); }
  memory::desc weights_desc(memory::data_type weights_type) const { return any_desc(weights, weights_type); }
  memory::desc bias_desc() const { return plain_desc({target[1]}); }
  // One value per channel, beside a value [batch, channels, positions...].
  memory::desc channel_desc() const {
    memory::dims dims(target.size(), 1);
    dims[1] = target[1];
    return plain_desc(dims);
  }
};

// What follows a convolution in the same primitive: scale and shift of a batch norm with running statistics, ReLU.
struct Tail {
  std::optional<Tensor> scale, shift;
  bool relu = false;

  dnnl::primitive_attr attributes() const {
    dnnl::post_ops operations;
    if (scale) operations.append_binary(dnnl::algorithm::binary_mul, scale->desc);
    if (shift) operations.append_binary(dnnl::algorithm::binary_add, shift->desc);
    if (relu) operations.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f);
    dnnl::primitive_attr attributes = PlanBuilder::attributes();
    attributes.set_post_ops(operations);
    return attributes;
  }
};

// Adds the step that computes y = scale * convolution + shift from the batch norm and the convolution's bias.
Tail fold_batch_norm(PlanBuilder& builder, std::size_t norm, const Parameter* bias, const memory::desc& desc) {
  const Tail tail{.scale = builder.add_tensor(desc), .shift = builder.add_tensor(desc)};
  const Tensor weight = builder.plain_parameter(norm, "weight").effective,
               offset = builder.plain_parameter(norm, "bias").effective,
               mean = builder.plain_parameter(norm, "running_mean").effective,
               variance = builder.plain_parameter(norm, "running_var").effective;
  const bool with_bias = bias != nullptr;
  const Tensor added = with_bias ? bias->effective : mean;
  const double epsilon = builder.graph().nodes[norm].number("eps");
  builder.step("scale and shift", {*tail.scale, *tail.shift}, [=](const Pass&) {
    for (std::size_t i = 0; i < weight.stored(); ++i) {
      const double factor = weight.floats()[i] / std::sqrt(variance.floats()[i] + epsilon);
      const double before = (with_bias ? added.floats()[i] : 0.0) - mean.floats()[i];
      tail.scale->floats()[i] = static_cast<float>(factor);
      tail.shift->floats()[i] = static_cast<float>(before * factor + offset.floats()[i]);
    }
  });
  return tail;
}

struct Convolution {
  Shapes shapes;
  Parameter* weight;
  Parameter* bias;
  Forward::primitive_desc forward;
  Tensor source, target;
  bool relu;
};

Forward::primitive_desc forward_desc(const PlanBuilder& builder, const Shapes& shapes, bool with_bias,
                                     const Tail& tail) {
  const auto kind = builder.training() ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
  const memory::desc weights = shapes.weights_desc(shapes.type);
  const Forward::desc desc =
      with_bias ? Forward::desc(kind, kDirect, shapes.source_desc(), weights, shapes.bias_desc(), shapes.target_desc(),
                                shapes.strides, shapes.dilations, shapes.padding, shapes.padding)
                : Forward::desc(kind, kDirect, shapes.source_desc(), weights, shapes.target_desc(), shapes.strides,
                                shapes.dilations, shapes.padding, shapes.padding);
  return {desc, tail.attributes(), processor()};
}

// The layout of the forward pass is the weights' home; smaller numbers than float32 are a copy.
Tensor weights_for(PlanBuilder& builder, const Convolution& convolution, const memory::desc& wanted) {
  return builder.in_layout(convolution.weight->effective, wanted);
}

void add_forward(PlanBuilder& builder, Convolution& convolution, const Tail& tail, bool with_bias) {
  const Forward::primitive_desc& desc = convolution.forward;
  const memory::desc home =
      convolution.shapes.type == kFloat ? desc.weights_desc() : plain_desc(convolution.shapes.weights);
  Parameters::place(*convolution.weight, home);
  std::vector<std::pair<int, Tensor>> arguments = {
      {DNNL_ARG_SRC, convolution.source},
      {DNNL_ARG_WEIGHTS, weights_for(builder, convolution, desc.weights_desc())},
      {DNNL_ARG_DST, convolution.target}};
  if (with_bias) arguments.emplace_back(DNNL_ARG_BIAS, convolution.bias->effective);
  if (tail.scale) arguments.emplace_back(DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, *tail.scale);
  if (tail.shift) arguments.emplace_back(DNNL_ARG_ATTR_MULTIPLE_POST_OP(1) | DNNL_ARG_SRC_1, *tail.shift);
  builder.call<Forward>("convolution", desc, arguments);
}

void add_backward_data(PlanBuilder& builder, std::size_t node, const Convolution& convolution, const Tensor& gradient) {
  const Shapes& shapes = convolution.shapes;
  const BackwardData::primitive_desc desc(
      {kDirect, shapes.source_desc(), shapes.weights_desc(shapes.type), shapes.target_desc(), shapes.strides,
       shapes.dilations, shapes.padding, shapes.padding},
      PlanBuilder::attributes(), processor(), convolution.forward);
  const Tensor result = builder.add_tensor(desc.diff_src_desc());
  builder.call<BackwardData>("convolution by data", desc,
                             {{DNNL_ARG_DIFF_DST, builder.in_layout(gradient, desc.diff_dst_desc())},
                              {DNNL_ARG_WEIGHTS, weights_for(builder, convolution, desc.weights_desc())},
                              {DNNL_ARG_DIFF_SRC, result}});
  builder.contribute(node, 0, {result});
}

BackwardWeights::primitive_desc backward_weights_desc(const Convolution& convolution) {
  const Shapes& shapes = convolution.shapes;
  const memory::desc weights = shapes.weights_desc(kFloat);
  const BackwardWeights::desc desc =
      convolution.bias != nullptr
          ? BackwardWeights::desc(kDirect, shapes.source_desc(), weights, shapes.bias_desc(), shapes.target_desc(),
                                  shapes.strides, shapes.dilations, shapes.padding, shapes.padding)
          : BackwardWeights::desc(kDirect, shapes.source_desc(), weights, shapes.target_desc(), shapes.strides,
                                  shapes.dilations, shapes.padding, shapes.padding);
  return {desc, PlanBuilder::attributes(), processor(), convolution.forward};
}

void add_backward_weights(PlanBuilder& builder, const Convolution& convolution, const Tensor& gradient) {
  const BackwardWeights::primitive_desc desc = backward_weights_desc(convolution);
  const Tensor source = builder.in_layout(convolution.source, desc.src_desc()),
               target = builder.in_layout(gradient, desc.diff_dst_desc());
  std::optional<Tensor> bias;
  if (convolution.bias != nullptr) bias = builder.add_tensor(convolution.shapes.bias_desc());
  builder.add_parameter_gradient(std::string("convolution by weights ") + desc.impl_info_str(), *convolution.weight,
                                 desc.diff_weights_desc(), [&](const Tensor& result) {
                                   std::vector<std::pair<int, Tensor>> arguments = {{DNNL_ARG_SRC, source},
                                                                                    {DNNL_ARG_DIFF_DST, target},
                                                                                    {DNNL_ARG_DIFF_WEIGHTS, result}};
                                   if (bias) arguments.emplace_back(DNNL_ARG_DIFF_BIAS, *bias);
                                   return builder.make_call<BackwardWeights>(desc, arguments);
                                 });
  if (bias) builder.add_small_gradient(*convolution.bias, *bias);
}

}  // namespace

NodePlan make_convolution(PlanBuilder& builder, std::size_t node) {
  Convolution convolution{.shapes = Shapes(builder, node),
                          .weight = builder.parameter(node, "weight"),
                          .bias = builder.parameter(node, "bias"),
                          .forward = {},
                          .source = {},
                          .target = {},
                          .relu = builder.fusions().relu[node]};
  if (convolution.bias != nullptr) builder.plain_parameter(node, "bias");
  const auto norm = builder.fusions().batch_norm[node];
  Tail tail;
  if (norm) tail = fold_batch_norm(builder, *norm, convolution.bias, convolution.shapes.channel_desc());
  tail.relu = convolution.relu;
  const bool with_bias = convolution.bias != nullptr && !norm;
  convolution.forward = forward_desc(builder, convolution.shapes, with_bias, tail);
  convolution.source = builder.in_layout(builder.input(node), convolution.forward.src_desc());
  convolution.target = builder.add_tensor(convolution.forward.dst_desc());
  add_forward(builder, convolution, tail, with_bias);
  return {convolution.target, [&builder, node, convolution](const Gradient& incoming) {
            const Tensor gradient =
                convolution.relu ? add_relu_backward(builder, incoming, convolution.target) : incoming.tensor;
            add_backward_weights(builder, convolution, gradient);
            if (builder.wants_gradient(node)) add_backward_data(builder, node, convolution, gradient);
          }};
}

}  // namespace lathe::backend::onednn
