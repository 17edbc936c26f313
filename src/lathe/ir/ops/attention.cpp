#include <fmt/format.h>

#include "lathe/base/error.h"
#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"
#include "lathe/ir/size_limits.h"

namespace lathe::ir::ops {
namespace {

Shape output_shape(const Node& node, std::span<const Shape> inputs) {
  const std::int64_t heads = node.integer("num_heads");
  if (inputs[0].size() != 2 || inputs[1] != inputs[0] || inputs[2] != inputs[0])
    throw UserError(fmt::format("attention reads q, k and v of one shape [tokens, features]; got {}, {} and {}",
                                to_string(inputs[0]), to_string(inputs[1]), to_string(inputs[2])));
  if (heads < 1 || inputs[0][1] % heads != 0)
    throw UserError(fmt::format("num_heads = {} must divide its {} features", heads, inputs[0][1]));
  if (heads * inputs[0][0] > kMostValues / inputs[0][0])
    throw UserError(
        fmt::format("{} tokens with {} heads are too many: at most {} scores", inputs[0][0], heads, kMostValues));
  return inputs[0];
}

/// Two products per head: [tokens, f] x [f, tokens] and [tokens, tokens] x [tokens, f].
OpCost cost(const Node&, std::span<const Shape> inputs) {
  const std::int64_t macs = counted_product({2, inputs[0][0], element_count(inputs[0])});
  return {.macs = macs, .flops = macs, .backward_flops = counted_product({2, macs})};
}

}  // namespace

OpDeclaration attention() {
  OpDeclaration op = elementwise(
      "attention", "", "scaled dot-product attention per head: softmax(q k^T / sqrt(features / num_heads)) v", 0);
  op.function = "torch.nn.functional.scaled_dot_product_attention";
  op.attributes = {{"num_heads", std::int64_t{0}, true, "blocks of features that attend by themselves"},
                   {"causal", false, false, "whether a token sees only itself and those before it"}};
  op.input_count = 3;
  op.channel_axis = ChannelAxis::kLast;
  op.couples_channels = true;
  op.channel_blocks = [](const Node& node) { return node.integer("num_heads"); };
  op.output_shape = output_shape;
  op.cost = cost;
  op.module_text = [](const Node&) { return std::string("torch.nn.functional.scaled_dot_product_attention"); };
  return op;
}

}  // namespace lathe::ir::ops
