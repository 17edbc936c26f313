#include "lathe/ir/ops/elementwise.h"

#include <fmt/format.h>

namespace lathe::ir::ops {

OpDeclaration elementwise(std::string name, std::string module_type, std::string description,
                          std::int64_t flops_per_value) {
  OpDeclaration op;
  op.name = std::move(name);
  op.module_type = module_type;
  op.description = std::move(description);
  op.output_shape = [](const Node&, std::span<const Shape> inputs) { return inputs[0]; };
  op.parameters = [](const Node&, std::span<const Shape>) { return std::vector<Parameter>(); };
  op.cost = [flops_per_value](const Node&, std::span<const Shape> inputs) {
    const std::int64_t flops = flops_per_value * element_count(inputs[0]);
    return OpCost{.flops = flops, .backward_flops = flops};
  };
  op.module_text = [module_type](const Node&) { return module_type + "()"; };
  return op;
}

std::string python_number(double value) {
  std::string text = fmt::format("{}", value);
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}

std::string python_boolean(bool value) { return value ? "True" : "False"; }

}  // namespace lathe::ir::ops
