#include "lathe/ir/graph.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "lathe/base/check.h"
#include "lathe/base/error.h"

namespace lathe::ir {
namespace {

template <typename T>
const T& typed(const Node& node, std::string_view name) {
  const T* value = std::get_if<T>(&node.attribute(name));
  LATHE_CHECK(value != nullptr, "node {}: attribute {} has another type", node.name, name);
  return *value;
}

}  // namespace

const AttributeValue& Node::attribute(std::string_view attribute_name) const {
  for (const Attribute& attribute : attributes)
    if (attribute.name == attribute_name) return attribute.value;
  throw InternalError(fmt::format("node {} ({}) has no attribute {}", name, op, attribute_name));
}

std::int64_t Node::integer(std::string_view attribute_name) const { return typed<std::int64_t>(*this, attribute_name); }
double Node::number(std::string_view attribute_name) const { return typed<double>(*this, attribute_name); }
bool Node::boolean(std::string_view attribute_name) const { return typed<bool>(*this, attribute_name); }
const std::string& Node::string(std::string_view attribute_name) const {
  return typed<std::string>(*this, attribute_name);
}

const Shape& Node::integers(std::string_view attribute_name) const { return typed<Shape>(*this, attribute_name); }

const quant::Format& Node::format(std::string_view attribute_name) const {
  return typed<quant::Format>(*this, attribute_name);
}

void Node::set(std::string_view attribute_name, AttributeValue value) {
  for (Attribute& attribute : attributes) {
    if (attribute.name != attribute_name) continue;
    attribute.value = std::move(value);
    return;
  }
  throw InternalError(fmt::format("node {} ({}) has no attribute {}", name, op, attribute_name));
}

std::optional<std::size_t> Graph::find(std::string_view node_name) const {
  for (std::size_t i = 0; i < nodes.size(); ++i)
    if (nodes[i].name == node_name) return i;
  return std::nullopt;
}

std::vector<std::string> Graph::node_names() const {
  std::vector<std::string> names;
  for (const Node& node : nodes) names.push_back(node.name);
  return names;
}

std::vector<std::size_t> Graph::users(std::size_t index) const {
  std::vector<std::size_t> users;
  for (std::size_t i = index + 1; i < nodes.size(); ++i)
    if (std::count(nodes[i].inputs.begin(), nodes[i].inputs.end(), index) > 0) users.push_back(i);
  return users;
}

std::string unused_name(const Graph& graph, const std::string& wanted) {
  std::vector<bool> taken(graph.nodes.size() + 1);  // by suffix; 0: the name itself
  for (const Node& node : graph.nodes) {
    if (!node.name.starts_with(wanted)) continue;
    const std::string_view rest = std::string_view(node.name).substr(wanted.size());
    std::size_t suffix = 0;
    if (!rest.empty() && (rest.front() != '_' || rest.size() < 2 || rest[1] == '0')) continue;
    if (!rest.empty()) {
      const auto [end, failure] = std::from_chars(rest.data() + 1, rest.data() + rest.size(), suffix);
      if (failure != std::errc() || end != rest.data() + rest.size()) continue;
    }
    if (suffix < taken.size()) taken[suffix] = true;
  }
  const auto free = static_cast<std::size_t>(std::find(taken.begin(), taken.end(), false) - taken.begin());
  return free == 0 ? wanted : fmt::format("{}_{}", wanted, free);
}

void Parameter::set_format(quant::Format new_format) {
  if (const auto reason = quant::misfit(new_format, shape)) throw UserError(name + ": " + *reason);
  format = std::move(new_format);
}

std::string fx_name(std::string_view module_path) {
  std::string name;
  if (!module_path.empty() && std::isdigit(static_cast<unsigned char>(module_path.front())) != 0) name += '_';
  bool after_lower = false;
  for (const char c : module_path) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) == 0) {
      if (name.empty() || name.back() != '_') name += '_';
    } else {
      if (after_lower && std::isupper(byte) != 0) name += '_';
      name += static_cast<char>(std::tolower(byte));
    }
    after_lower = std::islower(byte) != 0;
  }
  return name;
}

}  // namespace lathe::ir
