#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "lathe/base/error.h"
#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {
namespace {

Shape output_shape(const Node& node, std::span<const Shape> inputs) {
  const Shape& dims = node.integers("dims");
  Shape all(inputs[0].size());
  std::iota(all.begin(), all.end(), 0);
  if (!std::is_permutation(dims.begin(), dims.end(), all.begin(), all.end()))
    throw UserError(fmt::format("dims must name every per-sample dimension of {} once, from 0; got {}",
                                to_string(inputs[0]), to_string(dims)));
  Shape shape;
  for (const std::int64_t dimension : dims) shape.push_back(inputs[0][static_cast<std::size_t>(dimension)]);
  return shape;
}

}  // namespace

OpDeclaration permute() {
  OpDeclaration op = elementwise("permute", "", "the dimensions in another order", 0);
  op.function = "torch.permute";
  op.attributes = {{"dims", Shape(), true, "per-sample dimensions, from 0, in their new order"}};
  op.channel_rule = ChannelRule::kBlocks;
  op.channel_axis = ChannelAxis::kByRank;
  op.output_shape = output_shape;
  op.module_text = [](const Node&) { return std::string("torch.permute"); };
  return op;
}

}  // namespace lathe::ir::ops
