#include <tuple>
#include <utility>
#include <vector>

#include "lathe/backend/onednn/op.h"
#include "lathe/backend/onednn/relu.h"
#include "lathe/backend/onednn/threads.h"
#include "lathe/ir/activation.h"
#include "lathe/ir/formula.h"

namespace lathe::backend::onednn {
namespace {

namespace formulas {

#include "lathe/ir/activation_formulas.h"

}  // namespace formulas

using Numbers = ir::ActivationNumbers;
using Loop = void (*)(const Numbers&, const float* x, float* y, std::size_t count);
using BackwardLoop = void (*)(const Numbers&, const float* x, const float* gradient, float* result, std::size_t count);
using Float = ir::Scalar<float>;

template <typename Formula>
void activate(const Numbers& numbers, const float* x, float* y, std::size_t count) {
  in_parallel(count, kGrain, [&numbers, x, y](std::size_t begin, std::size_t end) {
    const Formula formula = ir::make_formula<Formula>(numbers.data());
    for (std::size_t i = begin; i < end; ++i) y[i] = formula.value(Float::of(x[i])).value;
  });
}

// The input is what is kept; formulas that read the output compute it again.
template <typename Formula>
void differentiate(const Numbers& numbers, const float* x, const float* gradient, float* result, std::size_t count) {
  in_parallel(count, kGrain, [&numbers, x, gradient, result](std::size_t begin, std::size_t end) {
    const Formula formula = ir::make_formula<Formula>(numbers.data());
    const bool from_output = ir::reads_output(formula);
    for (std::size_t i = begin; i < end; ++i) {
      const Float at = from_output ? formula.value(Float::of(x[i])) : Float::of(x[i]);
      result[i] = formula.gradient(at, Float::of(gradient[i])).value;
    }
  });
}

// What is known of an activation: loops over its formula, or oneDNN's algorithm with a parameter.
struct Kind {
  Numbers numbers = {};
  Loop loop = nullptr;
  BackwardLoop backward_loop = nullptr;
  dnnl::algorithm algorithm = dnnl::algorithm::undef;
  float alpha = 0;
};

// Finds the algorithm of oneDNN's that computes an activation; undef: none, or one whose results are others.
Kind foreign(const ir::Node& node, const Numbers& numbers) {
  using dnnl::algorithm;
  if (node.op == "tanh") return {.algorithm = algorithm::eltwise_tanh};
  if (node.op == "sigmoid") return {.algorithm = algorithm::eltwise_logistic};
  if (node.op == "gelu")
    return {.algorithm = numbers[0] == 0 ? algorithm::eltwise_gelu_erf : algorithm::eltwise_gelu_tanh};
  if (node.op == "silu") return {.algorithm = algorithm::eltwise_swish, .alpha = 1};
  if (node.op == "elu") return {.algorithm = algorithm::eltwise_elu, .alpha = static_cast<float>(numbers[0])};
  return {};
}

Kind kind_of(const ir::Node& node) {
  static const std::vector<std::pair<Loop, BackwardLoop>> loops = {
#define ENTRY(Formula) {activate<formulas::Formula>, differentiate<formulas::Formula>},
#include "lathe/ir/activations/builtin.def"
#undef ENTRY
  };
  const ir::Activation& activation = ir::activations().at(node.op);
  const Numbers numbers = activation.numbers(node);
  Kind kind = foreign(node, numbers);
  kind.numbers = numbers;
  std::tie(kind.loop, kind.backward_loop) =
      loops.at(static_cast<std::size_t>(&activation - ir::activations().entries().data()));
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
  const float alpha = kind.alpha;
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
  return kind.algorithm == dnnl::algorithm::undef ? add_own(builder, node, kind) : add_foreign(builder, node, kind);
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
