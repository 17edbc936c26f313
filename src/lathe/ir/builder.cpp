#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/check.h"
#include "lathe/ir/make_node.h"
#include "lathe/ir/size_limits.h"

namespace lathe::ir {
namespace {

const char* type_name(const AttributeValue& value) {
  static constexpr const char* kNames[] = {"a boolean", "an integer",         "a number",
                                           "a string",  "a list of integers", "a number format"};
  return kNames[value.index()];
}

/// Repeats a single integer as often as the list is long: kernel_size = 3 is [3, 3].
Shape as_list(const AttributeDeclaration& declared, const AttributeValue& value) {
  const Shape& like = std::get<Shape>(declared.default_value);
  const auto* integer = std::get_if<std::int64_t>(&value);
  Shape list = integer != nullptr ? Shape{*integer} : std::get<Shape>(value);
  if (list.size() == 1) list.resize(std::max<std::size_t>(like.size(), 1), list.front());
  if (!like.empty() && list.size() != like.size())
    throw UserError(fmt::format("{} must be one integer or {}; got {}", declared.name, like.size(), to_string(list)));
  return list;
}

/// Gives the value the declared type: an integer may stand where a number or a list is wanted.
AttributeValue as_declared(const AttributeDeclaration& declared, AttributeValue value) {
  const auto* integer = std::get_if<std::int64_t>(&value);
  if (std::holds_alternative<Shape>(declared.default_value) &&
      (integer != nullptr || std::holds_alternative<Shape>(value)))
    return as_list(declared, value);
  if (value.index() == declared.default_value.index()) return value;
  if (const auto* text = std::get_if<std::string>(&value);
      text != nullptr && std::holds_alternative<quant::Format>(declared.default_value))
    return quant::parse_format(*text);
  if (std::holds_alternative<double>(declared.default_value) && integer != nullptr)
    return static_cast<double>(*integer);
  throw UserError(
      fmt::format("{} must be {}; got {}", declared.name, type_name(declared.default_value), type_name(value)));
}

void check_known(const OpDeclaration& op, const std::vector<Attribute>& given) {
  std::vector<std::string> known;
  for (const AttributeDeclaration& declared : op.attributes) known.push_back(declared.name);
  for (const Attribute& attribute : given) {
    if (std::find(known.begin(), known.end(), attribute.name) != known.end()) continue;
    throw UserError(
        fmt::format("{} has no attribute \"{}\"{}", op.name, attribute.name, suggestion(attribute.name, known)));
  }
}

std::vector<Attribute> complete(const OpDeclaration& op, const std::vector<Attribute>& given) {
  check_known(op, given);
  std::vector<Attribute> all;
  for (const AttributeDeclaration& declared : op.attributes) {
    const auto found =
        std::find_if(given.begin(), given.end(), [&](const Attribute& a) { return a.name == declared.name; });
    if (found == given.end() && declared.obligatory)
      throw UserError(fmt::format("{} needs the attribute {} ({})", op.name, declared.name, declared.description));
    all.push_back({declared.name, found == given.end() ? declared.default_value : as_declared(declared, found->value)});
  }
  return all;
}

/// Returns what torch.fx calls a node without a module: the function's own name, `torch.cat` is `cat`.
std::string function_name(const std::string& op_name) {
  const OpDeclaration* op = find_op(op_name);
  return fx_name(op == nullptr || op->function.empty() ? op_name : op->function.substr(op->function.rfind('.') + 1));
}

}  // namespace

Node make_node(const Graph& graph, const std::string& op_name, const std::vector<Attribute>& attributes,
               std::vector<std::size_t> inputs) {
  const OpDeclaration& op = op_declarations().at(op_name);
  if (inputs.empty() && op.input_count > 0) inputs = {graph.nodes.size() - 1};
  if (!op.accepts(inputs.size()))
    throw UserError(fmt::format("{} reads {}{} inputs; got {}", op.name, op.input_count,
                                op.reads_more ? " or more" : "", inputs.size()));
  Node node;
  node.op = op_name;
  node.attributes = complete(op, attributes);
  for (const std::size_t input : inputs) LATHE_CHECK(input < graph.nodes.size(), "input {} does not exist", input);
  node.inputs = std::move(inputs);
  check_attribute_sizes(node);
  const std::vector<Shape> shapes = input_shapes(graph, node);
  node.output_shape = op.output_shape(node, shapes);
  node.parameters = op.parameters(node, shapes);
  check_tensor_sizes(node);
  return node;
}

GraphBuilder::GraphBuilder(std::string model_name, Shape input_shape) {
  graph_.name = std::move(model_name);
  add("input", "", {{"shape", to_string(input_shape)}}, {}, "x");
}

std::size_t GraphBuilder::add(std::string op, std::string module_path, std::vector<Attribute> attributes,
                              std::vector<std::size_t> inputs, std::string node_name) {
  if (graph_.nodes.size() >= kMostNodes) throw UserError(fmt::format("a network has at most {} nodes", kMostNodes));
  if (node_name.empty())
    node_name = module_path.empty() ? unused_name(graph_, function_name(op)) : fx_name(module_path);
  if (graph_.find(node_name)) throw UserError("node " + node_name, "two nodes have this name");
  try {
    graph_.nodes.push_back(make_node(graph_, op, attributes, std::move(inputs)));
  } catch (const UserError& error) {
    throw UserError("node " + node_name, error.what());
  }
  graph_.nodes.back().name = std::move(node_name);
  graph_.nodes.back().module_path = std::move(module_path);
  return graph_.nodes.size() - 1;
}

Graph GraphBuilder::finish() && {
  add("output", "", {}, {}, "output");
  verify(graph_);
  return std::move(graph_);
}

}  // namespace lathe::ir
