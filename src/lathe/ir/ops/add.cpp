#include <fmt/format.h>

#include "lathe/base/error.h"
#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {
namespace {

Shape output_shape(const Node&, std::span<const Shape> inputs) {
  for (const Shape& shape : inputs)
    if (shape != inputs[0])
      throw UserError(
          fmt::format("add reads values of one shape; got {} and {}", to_string(inputs[0]), to_string(shape)));
  return inputs[0];
}

OpCost cost(const Node&, std::span<const Shape> inputs) {
  const std::int64_t additions = static_cast<std::int64_t>(inputs.size() - 1) * element_count(inputs[0]);
  return {.flops = additions, .backward_flops = additions};
}

}  // namespace

OpDeclaration add() {
  OpDeclaration op = elementwise("add", "", "the sum of two or more values of one shape (residual sum)", 0);
  op.function = "operator.add";
  op.input_count = 2;
  op.reads_more = true;
  op.quantizable = true;
  op.output_shape = output_shape;
  op.cost = cost;
  op.module_text = [](const Node&) { return std::string("operator.add"); };
  return op;
}

}  // namespace lathe::ir::ops
