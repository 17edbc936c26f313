#include "lathe/model/layers.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/config/field.h"
#include "lathe/ir/op.h"

namespace lathe::model {
namespace {

/// Holds the `[model]` table.
struct Description {
  std::string name = "model";
  std::string prefix = "seq_blocks";
  const config::Value* layers = nullptr;
};

config::Field<Description> layers_field() {
  return {"layers",
          "list",
          "",
          "names and tables of layers, first to last",
          [](Description& out, const config::Value& value) {
            if (value.as_array().empty()) value.fail("must name at least one layer");
            out.layers = &value;
          },
          [](const Description& in) { return in.layers == nullptr ? std::string("[]") : in.layers->to_toml(); }};
}

Description read_description(const config::Value& model) {
  const std::vector<config::Field<Description>> fields = {
      config::field("name", &Description::name, "name of the network in reports"),
      config::field("prefix", &Description::prefix, "module path in front of the layers' numbers"), layers_field()};
  Description description;
  config::decode(model, fields, description);
  if (description.layers == nullptr) model.fail("needs layers = [...]");
  return description;
}

const ir::OpDeclaration& layer_op(const config::Value& type) {
  const ir::OpDeclaration* op = ir::find_op(type.as_string());
  if (op != nullptr && !op->module_type.empty()) return *op;
  std::vector<std::string> names;
  for (const ir::OpDeclaration& known : ir::op_declarations())
    if (!known.module_type.empty()) names.push_back(known.name);
  type.fail(fmt::format("unknown layer \"{}\"{}", type.as_string(), suggestion(type.as_string(), names)));
}

ir::AttributeValue attribute_value(const config::Value& value, const ir::AttributeValue& like) {
  if (std::holds_alternative<bool>(like)) return value.as_boolean();
  if (std::holds_alternative<std::int64_t>(like)) return value.as_integer();
  if (std::holds_alternative<double>(like)) return value.as_number();
  return value.as_string();
}

void read_attribute(const ir::OpDeclaration& op, const config::Member& member, Layer& layer) {
  std::vector<std::string> known = {"type", "name"};
  for (const ir::AttributeDeclaration& declared : op.attributes) {
    known.push_back(declared.name);
    if (declared.name != member.name) continue;
    layer.attributes.push_back({member.name, attribute_value(member.value, declared.default_value)});
    return;
  }
  config::unknown_key(member, known);
}

Layer read_layer(const config::Value& value, const std::string& default_path) {
  if (value.is_string()) return {layer_op(value).name, default_path, {}};
  const config::Value* type = value.find("type");
  if (type == nullptr) value.fail("a layer is a name (\"relu\") or a table with type (\"linear\")");
  const ir::OpDeclaration& op = layer_op(*type);
  Layer layer{op.name, default_path, {}};
  for (const config::Member& member : value.as_table()) {
    if (member.name == "type") continue;
    if (member.name == "name")
      layer.module_path = member.value.as_string();
    else
      read_attribute(op, member, layer);
  }
  return layer;
}

bool lacks_width(const Layer& layer) {
  const std::string& width = ir::find_op(layer.op)->output_width_attribute;
  return !width.empty() && std::none_of(layer.attributes.begin(), layer.attributes.end(),
                                        [&](const ir::Attribute& attribute) { return attribute.name == width; });
}

/// Gives the classes to the last layer with a width, when it states none.
void complete_classes(std::vector<Layer>& layers, std::int64_t classes) {
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    const std::string& width = ir::find_op(layer->op)->output_width_attribute;
    if (width.empty()) continue;
    if (lacks_width(*layer)) layer->attributes.push_back({width, classes});
    return;
  }
}

std::vector<Layer> read_layers(const Description& description, std::int64_t classes) {
  const config::Array& values = description.layers->as_array();
  std::vector<Layer> layers;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string number = std::to_string(i);
    layers.push_back(read_layer(values[i], description.prefix.empty() ? number : description.prefix + "." + number));
  }
  complete_classes(layers, classes);
  for (std::size_t i = 0; i < values.size(); ++i)
    if (lacks_width(layers[i]))
      values[i].fail(fmt::format("{} needs {}", layers[i].op, ir::find_op(layers[i].op)->output_width_attribute));
  return layers;
}

}  // namespace

ir::Graph described_model(const config::Value& model, const ModelRequest& request) {
  const Description description = read_description(model);
  const std::vector<Layer> layers = read_layers(description, request.classes);
  ir::Graph graph;
  try {
    graph = build_chain(description.name, request.input_width, layers);
  } catch (const UserError& error) {
    description.layers->fail(error.what());
  }
  if (graph.output().output_shape != Shape{request.classes})
    description.layers->fail(fmt::format("the last layer gives {} values, but the data has {} classes",
                                         element_count(graph.output().output_shape), request.classes));
  return graph;
}

}  // namespace lathe::model
