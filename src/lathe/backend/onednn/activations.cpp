#include <algorithm>
#include <cmath>

#include "lathe/backend/onednn/op.h"
#include "lathe/backend/onednn/relu.h"
#include "lathe/backend/onednn/threads.h"

namespace lathe::backend::onednn {
namespace {

// An activation's numbers: what its formulas read of the node.
struct Numbers {
  float first = 0, second = 0;
};

// Own activations: the value at x, and the derivative at x, where it has the value y. Numbers that are not finite stay
// so.
struct Relu {
  static float value(const Numbers&, float x) { return x <= 0 ? 0.0f : x; }
  static float derivative(const Numbers&, float x, float) { return x <= 0 ? 0.0f : 1.0f; }
};
struct LeakyRelu {
  static float value(const Numbers& n, float x) { return x > 0 ? x : x * n.first; }
  static float derivative(const Numbers& n, float x, float) { return x > 0 ? 1.0f : n.first; }
};
struct HardTanh {  // relu6, too
  static float value(const Numbers& n, float x) { return x < n.first ? n.first : (x > n.second ? n.second : x); }
  static float derivative(const Numbers& n, float x, float) { return x > n.first && x < n.second ? 1.0f : 0.0f; }
};
struct HardSwish {
  static float value(const Numbers&, float x) { return x * std::clamp(x + 3.0f, 0.0f, 6.0f) / 6.0f; }
  static float derivative(const Numbers&, float x, float) { return x <= -3 ? 0.0f : (x < 3 ? x / 3.0f + 0.5f : 1.0f); }
};
struct HardSigmoid {
  static float value(const Numbers&, float x) { return std::clamp(x + 3.0f, 0.0f, 6.0f) / 6.0f; }
  static float derivative(const Numbers&, float x, float) { return x > -3 && x < 3 ? 1.0f / 6.0f : 0.0f; }
};
struct Selu {  // Klambauer et al. 2017 (arXiv:1706.02515)
  static constexpr float kAlpha = 1.6732632423543772848f, kScale = 1.0507009873554804934f;
  static float value(const Numbers&, float x) { return kScale * (x > 0 ? x : kAlpha * std::expm1(x)); }
  static float derivative(const Numbers&, float x, float) { return kScale * (x > 0 ? 1.0f : kAlpha * std::exp(x)); }
};
struct Softplus {  // first: beta, second: threshold
  static float value(const Numbers& n, float x) {
    const float scaled = n.first * x;
    if (scaled > n.second) return x;
    return (std::max(scaled, 0.0f) + std::log1p(std::exp(-std::fabs(scaled)))) / n.first;
  }
  static float derivative(const Numbers& n, float x, float) {
    return n.first * x > n.second ? 1.0f : 0.5f * (1 + std::tanh(0.5f * n.first * x));
  }
};

using Loop = void (*)(const Numbers&, const float* x, float* y, std::size_t count);
using BackwardLoop = void (*)(const Numbers&, const float* x, const float* gradient, float* result, std::size_t count);

template <typename Activation>
void activate(const Numbers& numbers, const float* x, float* y, std::size_t count) {
  in_parallel(count, kGrain, [&numbers, x, y](std::size_t begin, std::size_t end) {
    const Numbers n = numbers;
    for (std::size_t i = begin; i < end; ++i) y[i] = Activation::value(n, x[i]);
  });
}

template <typename Activation>
void differentiate(const Numbers& numbers, const float* x, const float* gradient, float* result, std::size_t count) {
  in_parallel(count, kGrain, [&numbers, x, gradient, result](std::size_t begin, std::size_t end) {
    const Numbers n = numbers;
    for (std::size_t i = begin; i < end; ++i) result[i] = gradient[i] * Activation::derivative(n, x[i], 0.0f);
  });
}

// What is known of an activation: own loops, or oneDNN's.
struct Kind {
  const char* op;
  Loop loop = nullptr;
  BackwardLoop backward_loop = nullptr;
  dnnl::algorithm algorithm = dnnl::algorithm::undef;
  Numbers numbers = {};
  const char* first = nullptr;  // attributes that the numbers are read from
  const char* second = nullptr;
};

template <typename Activation>
Kind own(const char* op, Numbers numbers = {}, const char* first = nullptr, const char* second = nullptr) {
  return {op, activate<Activation>, differentiate<Activation>, dnnl::algorithm::undef, numbers, first, second};
}

Kind foreign(const char* op, dnnl::algorithm algorithm, float alpha = 0, const char* first = nullptr) {
  return {op, nullptr, nullptr, algorithm, {alpha, 0}, first, nullptr};
}

const std::vector<Kind>& kinds() {
  using dnnl::algorithm;
  static const std::vector<Kind> list = {
      own<Relu>("relu"),
      own<LeakyRelu>("leaky_relu", {}, "negative_slope"),
      own<HardTanh>("relu6", {0, 6}),
      own<HardTanh>("hardtanh", {}, "min_val", "max_val"),
      own<HardSwish>("hardswish"),
      own<HardSigmoid>("hardsigmoid"),
      own<Selu>("selu"),
      own<Softplus>("softplus", {}, "beta", "threshold"),
      foreign("tanh", algorithm::eltwise_tanh),
      foreign("sigmoid", algorithm::eltwise_logistic),
      foreign("gelu", algorithm::eltwise_gelu_erf),
      foreign("silu", algorithm::eltwise_swish, 1.0f),
      foreign("elu", algorithm::eltwise_elu, 0, "alpha"),
  };
  return list;
}

Kind kind_of(const ir::Node& node) {
  Kind kind = *std::find_if(kinds().begin(), kinds().end(), [&](const Kind& k) { return node.op == k.op; });
  if (kind.first != nullptr) kind.numbers.first = static_cast<float>(node.number(kind.first));
  if (kind.second != nullptr) kind.numbers.second = static_cast<float>(node.number(kind.second));
  if (node.op == "gelu" && node.string("approximate") == "tanh") kind.algorithm = dnnl::algorithm::eltwise_gelu_tanh;
  return kind;
}

NodePlan add_own(PlanBuilder& builder, std::size_t node, const Kind& kind) {
  Tensor source = builder.in_floats(builder.input(node));
  float at_zero = 0;
  kind.loop(kind.numbers, &at_zero, &at_zero, 1);
  if (at_zero != 0 && is_padded(source.desc)) source = builder.plain(source);  // padding must stay 0
  const Tensor target = builder.add_tensor(source.desc);
  builder.step("activation", {source, target},
               [=](const Pass&) { kind.loop(kind.numbers, source.floats(), target.floats(), source.stored()); });
  return {target, [&builder, node, kind, source](const Gradient& incoming) {
            const Tensor gradient = builder.writable(incoming, source.desc);
            builder.step("activation backward", {source, gradient}, [=](const Pass&) {
              kind.backward_loop(kind.numbers, source.floats(), gradient.floats(), gradient.floats(), source.stored());
            });
            builder.contribute(node, 0, {gradient});
          }};
}

using Forward = dnnl::eltwise_forward;
using Backward = dnnl::eltwise_backward;

Forward::primitive_desc forward_desc(bool training, dnnl::algorithm algorithm, const memory::desc& layout,
                                     float alpha) {
  const auto kind = training ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
  return {{kind, algorithm, layout, alpha, 0.0f}, PlanBuilder::attributes(), processor()};
}

NodePlan add_foreign(PlanBuilder& builder, std::size_t node, const Kind& kind) {
  const Tensor source = builder.input(node);
  const float alpha = kind.numbers.first;
  const Forward::primitive_desc forward = forward_desc(builder.training(), kind.algorithm, source.desc, alpha);
  const Tensor target = builder.add_tensor(source.desc);
  builder.call<Forward>("activation", forward, {{DNNL_ARG_SRC, source}, {DNNL_ARG_DST, target}});
  return {target, [&builder, node, kind, alpha, source, forward](const Gradient& incoming) {
            const Backward::primitive_desc desc({kind.algorithm, source.desc, source.desc, alpha, 0.0f},
                                                PlanBuilder::attributes(), processor(), forward);
            const Tensor gradient = builder.writable(incoming, source.desc);
            builder.call<Backward>(
                "activation backward", desc,
                {{DNNL_ARG_SRC, source}, {DNNL_ARG_DIFF_DST, gradient}, {DNNL_ARG_DIFF_SRC, gradient}});
            builder.contribute(node, 0, {gradient});
          }};
}

}  // namespace

NodePlan make_activation(PlanBuilder& builder, std::size_t node) {
  const Kind kind = kind_of(builder.graph().nodes[node]);
  return kind.loop != nullptr ? add_own(builder, node, kind) : add_foreign(builder, node, kind);
}

Tensor add_relu_backward(PlanBuilder& builder, const Gradient& incoming, const Tensor& output) {
  constexpr auto kAlgorithm = dnnl::algorithm::eltwise_relu_use_dst_for_bwd;
  const Forward::primitive_desc forward = forward_desc(true, kAlgorithm, output.desc, 0);
  const Backward::primitive_desc desc({kAlgorithm, output.desc, output.desc, 0.0f, 0.0f}, PlanBuilder::attributes(),
                                      processor(), forward);
  const Tensor gradient = builder.writable(incoming, output.desc);
  builder.call<Backward>("relu backward", desc,
                         {{DNNL_ARG_DST, output}, {DNNL_ARG_DIFF_DST, gradient}, {DNNL_ARG_DIFF_SRC, gradient}});
  return gradient;
}

}  // namespace lathe::backend::onednn
