#include "lathe/model/chain.h"

#include <algorithm>

#include "lathe/ir/op.h"

namespace lathe::model {
namespace {

bool has(const std::vector<ir::Attribute>& attributes, const std::string& name) {
  return std::any_of(attributes.begin(), attributes.end(), [&](const ir::Attribute& a) { return a.name == name; });
}

/// Adds the input width where the op has one and the layer does not state it.
std::vector<ir::Attribute> completed(const Layer& layer, const ir::Graph& so_far) {
  std::vector<ir::Attribute> attributes = layer.attributes;
  const ir::OpDeclaration* op = ir::find_op(layer.op);
  if (op != nullptr && !op->input_width_attribute.empty() && !has(attributes, op->input_width_attribute))
    attributes.push_back({op->input_width_attribute, so_far.nodes.back().output_shape.front()});
  return attributes;
}

}  // namespace

ir::Graph build_chain(const std::string& name, std::int64_t input_width, const std::vector<Layer>& layers) {
  ir::GraphBuilder builder(name, {input_width});
  for (const Layer& layer : layers) builder.add(layer.op, layer.module_path, completed(layer, builder.graph()));
  return std::move(builder).finish();
}

}  // namespace lathe::model
