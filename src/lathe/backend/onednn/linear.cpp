#include <algorithm>
#include <tuple>

#include "lathe/backend/onednn/op.h"
#include "lathe/backend/onednn/product.h"
#include "lathe/backend/onednn/relu.h"
#include "lathe/backend/onednn/rows.h"
#include "lathe/backend/onednn/threads.h"

namespace lathe::backend::onednn {
namespace {

struct Linear {
  std::size_t rows = 0, in = 0, out = 0;  // a token is a row of its own
  Tensor source, target;
  Parameter* weight = nullptr;
  Parameter* bias = nullptr;
  bool relu = false;
};

void add_bias(const Linear& linear, std::size_t begin, std::size_t end) {
  const float* bias = linear.bias == nullptr ? nullptr : linear.bias->effective.floats();
  for (std::size_t row = begin; row < end; ++row) {
    float* values = linear.target.floats() + row * linear.out;
    if (bias != nullptr)
      for (std::size_t i = 0; i < linear.out; ++i) values[i] += bias[i];
    if (linear.relu)
      for (std::size_t i = 0; i < linear.out; ++i) values[i] = values[i] <= 0 ? 0.0f : values[i];
  }
}

void add_backward(PlanBuilder& builder, std::size_t node, const Linear& linear, const Gradient& incoming) {
  const Tensor gradient =
      linear.relu ? add_relu_backward(builder, incoming, linear.target) : builder.plain(incoming.tensor);
  const auto [rows, in, out] = std::tuple(linear.rows, linear.in, linear.out);
  add_product_gradient(builder, "linear by weights", {gradient, rows, out, true}, {linear.source, rows, in},
                       *linear.weight);
  if (linear.bias != nullptr) {
    const Tensor home = *linear.bias->gradient;
    builder.step("gradient of bias", {gradient},
                 [=](const Pass& pass) { sum_rows(gradient.floats(), rows, out, pass.fresh, home.floats()); });
  }
  if (!builder.wants_gradient(node)) return;
  const Tensor result = builder.add_tensor(linear.source.desc);
  add_product(builder, "linear by data", {gradient, rows, out}, {linear.weight->effective, out, in}, result);
  builder.contribute(node, 0, {result});
}

}  // namespace

NodePlan make_linear(PlanBuilder& builder, std::size_t node) {
  Linear linear;
  linear.source = builder.plain(builder.input(node));
  linear.in = static_cast<std::size_t>(linear.source.desc.dims().back());
  linear.out = static_cast<std::size_t>(builder.graph().nodes[node].output_shape.back());
  linear.rows = linear.source.stored() / linear.in;
  linear.target = builder.add_plain(batch_dims(builder.rows(), builder.graph().nodes[node].output_shape));
  linear.weight = &builder.plain_parameter(node, "weight");
  if (builder.parameter(node, "bias") != nullptr) linear.bias = &builder.plain_parameter(node, "bias");
  linear.relu = builder.fusions().relu[node];
  add_product(builder, "linear", {linear.source, linear.rows, linear.in},
              {linear.weight->effective, linear.out, linear.in, true}, linear.target);
  if (linear.bias != nullptr || linear.relu)
    builder.step("bias", {linear.target}, [linear](const Pass&) {
      in_parallel(linear.rows, std::max<std::size_t>(kGrain / linear.out, 1),
                  [&](std::size_t begin, std::size_t end) { add_bias(linear, begin, end); });
    });
  return {linear.target,
          [&builder, node, linear](const Gradient& gradient) { add_backward(builder, node, linear, gradient); }};
}

}  // namespace lathe::backend::onednn
