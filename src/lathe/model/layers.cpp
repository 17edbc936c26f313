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
  if (op != nullptr && op->is_layer()) return *op;
  std::vector<std::string> names;
  for (const ir::OpDeclaration& known : ir::op_declarations())
    if (known.is_layer()) names.push_back(known.name);
  type.fail(fmt::format("unknown layer \"{}\"{}", type.as_string(), suggestion(type.as_string(), names)));
}

ir::AttributeValue attribute_value(const config::Value& value, const ir::AttributeValue& like) {
  if (std::holds_alternative<bool>(like)) return value.as_boolean();
  if (std::holds_alternative<std::int64_t>(like)) return value.as_integer();
  if (std::holds_alternative<double>(like)) return value.as_number();
  if (!std::holds_alternative<Shape>(like)) return value.as_string();
  if (!value.is_array()) return value.as_integer();
  Shape list;
  for (const config::Value& number : value.as_array()) list.push_back(number.as_integer());
  return list;
}

void read_attribute(const ir::OpDeclaration& op, const config::Member& member, Layer& layer) {
  std::vector<std::string> known = {"type", "name", "inputs"};
  for (const ir::AttributeDeclaration& declared : op.attributes) {
    known.push_back(declared.name);
    if (declared.name != member.name) continue;
    layer.attributes.push_back({member.name, attribute_value(member.value, declared.default_value)});
    return;
  }
  config::unknown_key(member, known);
}

/// Reads `inputs = ["seq_blocks.2", "seq_blocks.4"]`, or one name.
std::vector<std::string> read_inputs(const config::Value& value) {
  if (value.is_string()) return {value.as_string()};
  std::vector<std::string> inputs;
  for (const config::Value& input : value.as_array()) inputs.push_back(input.as_string());
  if (inputs.empty()) value.fail("must name what the layer reads, as in inputs = [\"seq_blocks.0\"]");
  return inputs;
}

void read_member(const ir::OpDeclaration& op, const config::Member& member, Layer& layer) {
  if (member.name == "name")
    layer.module_path = layer.node_name = member.value.as_string();
  else if (member.name == "inputs")
    layer.inputs = read_inputs(member.value);
  else if (member.name != "type")
    read_attribute(op, member, layer);
}

void check_inputs(const config::Value& value, const ir::OpDeclaration& op, const Layer& layer) {
  if (layer.inputs.empty() && op.input_count > 1)
    value.fail(fmt::format("{} reads {} values: name them, as in inputs = [\"seq_blocks.0\", \"seq_blocks.2\"]",
                           op.name,
                           op.reads_more ? fmt::format("{} or more", op.input_count) : std::to_string(op.input_count)));
}

Layer read_layer(const config::Value& value, const std::string& default_path) {
  const config::Value* type = value.is_string() ? &value : value.find("type");
  if (type == nullptr) value.fail("a layer is a name (\"relu\") or a table with type (\"linear\")");
  const ir::OpDeclaration& op = layer_op(*type);
  Layer layer{op.name, default_path};
  if (!value.is_string())
    for (const config::Member& member : value.as_table()) read_member(op, member, layer);
  check_inputs(value, op, layer);
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

/// Calls `step`; what it refuses gets the position of `value`.
template <typename Step>
auto with_position(const config::Value& value, Step step) {
  try {
    return step();
  } catch (const UserError& error) {
    value.fail(error.what());
  }
}

ir::Graph build(const Description& description, const std::vector<Layer>& layers, const ModelRequest& request) {
  const config::Array& values = description.layers->as_array();
  LayerBuilder builder(description.name, request);
  for (std::size_t i = 0; i < layers.size(); ++i) with_position(values[i], [&] { builder.add(layers[i]); });
  return with_position(*description.layers, [&] { return std::move(builder).finish(); });
}

void check_output(const Description& description, const Shape& given, const ModelRequest& request) {
  if (given == request.output_shape()) return;
  if (given.size() > 1 || request.positions > 1)
    description.layers->fail(fmt::format("the last layer gives values of shape {}; the data asks for {}",
                                         to_string(given), to_string(request.output_shape())));
  description.layers->fail(fmt::format("the last layer gives {} values, but the data has {} {}", element_count(given),
                                       request.classes, request.regression ? "targets" : "classes"));
}

}  // namespace

ir::Graph described_model(const config::Value& model, const ModelRequest& request) {
  const Description description = read_description(model);
  const std::vector<Layer> layers = read_layers(description, request.classes);
  const ir::Graph graph = build(description, layers, request);
  check_output(description, graph.output().output_shape, request);
  return graph;
}

}  // namespace lathe::model
