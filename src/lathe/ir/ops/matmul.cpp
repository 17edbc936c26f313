#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"
#include "lathe/ir/size_limits.h"

namespace lathe::ir::ops {
namespace {

/// Holds the extents of a product [.., m, k] x [.., k, n].
struct Extents {
  std::int64_t m = 0, k = 0, n = 0;
  Shape leading;
};

Extents extents_of(const Node& node, std::span<const Shape> inputs) {
  const bool transposed = node.boolean("transpose_b");
  const Shape& a = inputs[0];
  const Shape& b = inputs[1];
  const auto fail = [&] {
    throw UserError(fmt::format("matmul reads [.., m, k] and {}; got {} and {}",
                                transposed ? "[.., n, k]" : "[.., k, n]", to_string(a), to_string(b)));
  };
  if (a.size() < 2 || a.size() != b.size() || !std::equal(a.begin(), a.end() - 2, b.begin())) fail();
  const std::int64_t rows = b[b.size() - 2];
  if (a.back() != (transposed ? b.back() : rows)) fail();
  return {a[a.size() - 2], a.back(), transposed ? rows : b.back(), Shape(a.begin(), a.end() - 2)};
}

Shape output_shape(const Node& node, std::span<const Shape> inputs) {
  const Extents extents = extents_of(node, inputs);
  Shape shape = extents.leading;
  shape.push_back(extents.m);
  shape.push_back(extents.n);
  return shape;
}

OpCost cost(const Node& node, std::span<const Shape> inputs) {
  const Extents extents = extents_of(node, inputs);
  const std::int64_t macs = counted_product({element_count(extents.leading), extents.m, extents.k, extents.n});
  return {.macs = macs, .flops = macs, .backward_flops = counted_product({2, macs})};
}

}  // namespace

OpDeclaration matmul() {
  OpDeclaration op = elementwise("matmul", "", "the matrix product of two values", 0);
  op.function = "torch.matmul";
  op.attributes = {{"transpose_b", false, false, "whether the second value is [.., n, k]"}};
  op.input_count = 2;
  op.channel_rule = ChannelRule::kBlocks;
  op.channel_axis = ChannelAxis::kLast;
  op.quantizable = true;
  op.output_shape = output_shape;
  op.cost = cost;
  op.module_text = [](const Node&) { return std::string("torch.matmul"); };
  return op;
}

}  // namespace lathe::ir::ops
