#include "lathe/ir/activation.h"

#include <fmt/format.h>

#include "lathe/base/error.h"
#include "lathe/ir/ops/elementwise.h"
#include "lathe/ir/ops/ops.h"

namespace lathe::ir::ops {
namespace {

bool is_choice(const ActivationAttribute& attribute) { return attribute.choices[0] != nullptr; }

AttributeDeclaration declared(const ActivationAttribute& attribute) {
  AttributeValue value = attribute.default_value;
  if (is_choice(attribute)) value = std::string(attribute.choices[attribute.default_value == 0 ? 0 : 1]);
  return {attribute.name, std::move(value), false, attribute.description};
}

void check_choice(const ActivationAttribute& attribute, const std::string& given) {
  if (given == attribute.choices[0] || given == attribute.choices[1]) return;
  throw UserError(fmt::format("{} must be \"{}\" or \"{}\"; got \"{}\"", attribute.name, attribute.choices[0],
                              attribute.choices[1], given));
}

void check_number(const ActivationAttribute& attribute, const Node& node) {
  const double given = node.number(attribute.name);
  if (!(given > attribute.above))
    throw UserError(fmt::format("{} must be above {}; got {}", attribute.name, attribute.above, given));
  if (attribute.below != nullptr && !(given < node.number(attribute.below)))
    throw UserError(fmt::format("{} must be below {}; got {} and {}", attribute.name, attribute.below, given,
                                node.number(attribute.below)));
}

std::string module_text(const ActivationText& text, const Node& node) {
  std::string arguments;
  for (const ActivationAttribute& attribute : text.attributes) {
    if (attribute.name == nullptr) break;
    const std::string value = is_choice(attribute) ? fmt::format("'{}'", node.string(attribute.name))
                                                   : python_number(node.number(attribute.name));
    arguments += fmt::format("{}{}={}", arguments.empty() ? "" : ", ", attribute.name, value);
  }
  return fmt::format("{}({})", text.module, arguments);
}

}  // namespace

OpDeclaration activation(const Activation& activation) {
  const ActivationText text = activation.text;
  OpDeclaration op = elementwise(text.name, text.module, text.description, 1);
  op.quantizable = true;
  op.unsigned_data_in = text.unsigned_data_in;
  for (const ActivationAttribute& attribute : text.attributes)
    if (attribute.name != nullptr) op.attributes.push_back(declared(attribute));
  op.output_shape = [text](const Node& node, std::span<const Shape> inputs) {
    for (const ActivationAttribute& attribute : text.attributes) {
      if (attribute.name == nullptr) break;
      if (is_choice(attribute))
        check_choice(attribute, node.string(attribute.name));
      else
        check_number(attribute, node);
    }
    return inputs[0];
  };
  op.module_text = [text](const Node& node) { return module_text(text, node); };
  return op;
}

}  // namespace lathe::ir::ops
