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
          fmt::format("mul reads values of one shape; got {} and {}", to_string(inputs[0]), to_string(shape)));
  return inputs[0];
}

OpCost cost(const Node&, std::span<const Shape> inputs) {
  const std::int64_t products = static_cast<std::int64_t>(inputs.size() - 1) * element_count(inputs[0]);
  return {.flops = products, .backward_flops = 2 * products};
}

}  // namespace

OpDeclaration mul() {
  OpDeclaration op = elementwise("mul", "", "the product, value by value, of two or more values of one shape", 0);
  op.function = "operator.mul";
  op.input_count = 2;
  op.reads_more = true;
  op.quantizable = true;
  op.output_shape = output_shape;
  op.cost = cost;
  op.module_text = [](const Node&) { return std::string("operator.mul"); };
  return op;
}

}  // namespace lathe::ir::ops
