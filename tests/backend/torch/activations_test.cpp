// Activations computed from their formulas, as those are that libtorch has no kernel of.
#include <gtest/gtest.h>

#include "lathe/backend/torch/kernel.h"
#include "lathe/ir/activation.h"

namespace lathe::backend::libtorch {
namespace {

struct Outcome {
  at::Tensor value, gradient;
};

const at::Tensor& points() {
  static const at::Tensor x = at::linspace(-8.01, 8.02, 1000);
  return x;
}

Outcome run(Kernel kernel, const ir::Node& node) {
  NodeState state;
  state.node = &node;
  const at::Tensor x = points().clone().set_requires_grad(true), mask;
  const at::Tensor y = kernel({.state = state, .inputs = {&x, 1}, .mask = mask});
  (y * 1.5).sum().backward();
  return {y.detach(), x.grad()};
}

TEST(TorchActivations, AreWhatTheirFormulasSay) {
  for (const ir::Activation& activation : ir::activations()) {
    ir::GraphBuilder builder("alone", {4});
    builder.add(activation.name, "act");
    const ir::Graph graph = std::move(builder).finish();
    const ir::Node& node = graph.nodes[1];
    const ir::ActivationNumbers numbers = activation.numbers(node);
    for (const Kernel kernel : {find_kernel(activation.name), Kernel(formula_of_activation)}) {
      const Outcome outcome = run(kernel, node);
      for (std::int64_t i = 0; i < 1000; ++i) {
        const double x = points()[i].item<float>();
        const double y = activation.value(numbers, x);
        EXPECT_NEAR(outcome.value[i].item<float>(), y, 2e-6) << activation.name << " at " << x;
        EXPECT_NEAR(outcome.gradient[i].item<float>(),
                    activation.gradient(numbers, activation.reads_output(numbers) ? y : x, 1.5), 5e-6)
            << activation.name << " at " << x;
      }
    }
  }
}

}  // namespace
}  // namespace lathe::backend::libtorch
