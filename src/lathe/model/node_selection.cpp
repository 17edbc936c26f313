#include "lathe/model/node_selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <regex>

#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/config/field.h"
#include "lathe/ir/analysis/channels.h"
#include "lathe/ir/op.h"

namespace lathe::model {
namespace {

/// Holds one `[passes.quantize.NAME.config]`.
struct Selector {
  std::string name;
  NodeConfig config;
  const config::Value* source = nullptr;
};

/// Holds the pass's table.
struct Selection {
  std::string by;
  std::optional<NodeConfig> fallback;  ///< `default`
  std::vector<Selector> selectors;
};

NodeScalar scalar_of(const config::Value& value) {
  if (value.is_na()) return std::monostate();
  if (value.is_boolean()) return value.as_boolean();
  if (value.is_integer()) return value.as_integer();
  if (value.is_float()) return value.as_number();
  if (value.is_string()) return value.as_string();
  value.fail("expected one value; got " + value.to_toml());
}

NodeConfig read_config(const config::Value& entry) {
  const config::Value* config = nullptr;
  for (const config::Member& member : entry.as_table()) {
    if (member.name != "config") config::unknown_key(member, {"config"});
    config = &member.value;
  }
  if (config == nullptr) entry.fail("needs a table config");
  std::vector<NodeKey> keys;
  for (const config::Member& member : config->as_table())
    keys.push_back({member.name, scalar_of(member.value), member.value.position(), member.value.key()});
  return parse_node_config(keys);
}

std::string read_by(const config::Value& value) {
  const std::string& by = value.as_string();
  if (by == "regex") return "regex_name";
  if (by != "type" && by != "name" && by != "regex_name")
    value.fail(fmt::format("must be \"type\", \"name\" or \"regex_name\"; got \"{}\"", by));
  return by;
}

Selection read_selection(const config::Value& table) {
  Selection selection;
  for (const config::Member& member : table.as_table()) {
    if (member.name == "by")
      selection.by = read_by(member.value);
    else if (member.name == "report")
      member.value.as_boolean();
    else if (member.name == "default")
      selection.fallback = read_config(member.value);
    else if (member.value.is_table())
      selection.selectors.push_back({member.name, read_config(member.value), &member.value});
    else
      config::unknown_key(member, {"by", "default", "report"});
  }
  if (selection.by.empty()) table.fail("needs by = \"type\", \"name\" or \"regex_name\"");
  return selection;
}

void check_op(const Selector& selector, const ir::Graph& graph) {
  std::vector<std::string> ops;
  for (const ir::OpDeclaration& op : ir::op_declarations())
    if (op.is_layer()) ops.push_back(op.name);
  if (std::find(ops.begin(), ops.end(), selector.name) == ops.end())
    selector.source->fail(fmt::format("no op \"{}\"{}", selector.name, suggestion(selector.name, ops)));
  const bool present = std::any_of(graph.nodes.begin(), graph.nodes.end(),
                                   [&](const ir::Node& node) { return node.op == selector.name; });
  if (!present) log::warning("{}: {} has no {} node", selector.source->key(), graph.name, selector.name);
}

void check_name(const Selector& selector, const ir::Graph& graph) {
  if (graph.find(selector.name)) return;
  selector.source->fail(
      fmt::format("no node \"{}\" in {}{}", selector.name, graph.name, suggestion(selector.name, graph.node_names())));
}

void check_expression(const Selector& selector, const ir::Graph& graph) {
  try {
    const std::regex expression(selector.name);
    const bool present = std::any_of(graph.nodes.begin(), graph.nodes.end(),
                                     [&](const ir::Node& node) { return std::regex_match(node.name, expression); });
    if (!present) selector.source->fail(fmt::format("\"{}\" matches no node of {}", selector.name, graph.name));
  } catch (const std::regex_error& error) {
    selector.source->fail(fmt::format("\"{}\" is no regular expression: {}", selector.name, error.what()));
  }
}

void check_selectors(const Selection& selection, const ir::Graph& graph) {
  for (const Selector& selector : selection.selectors) {
    if (selection.by == "type") check_op(selector, graph);
    if (selection.by == "name") check_name(selector, graph);
    if (selection.by == "regex_name") check_expression(selector, graph);
  }
}

bool selects(const std::string& by, const Selector& selector, const ir::Node& node) {
  if (by == "type") return node.op == selector.name;
  if (by == "name") return node.name == selector.name;
  return std::regex_match(node.name, std::regex(selector.name));
}

/// Leaves of a wholesale config what the node can take.
NodeConfig applicable(NodeConfig config, const ir::Node& node) {
  if (!ir::quantizable(node)) config.quantization.reset();
  if (!ir::sets_width(node)) config.channels.reset();
  return config;
}

std::optional<NodeConfig> config_for(const Selection& selection, const ir::Node& node) {
  for (const Selector& selector : selection.selectors)
    if (selects(selection.by, selector, node))
      return selection.by == "regex_name" ? applicable(selector.config, node) : selector.config;
  if (!selection.fallback) return std::nullopt;
  return applicable(*selection.fallback, node);
}

}  // namespace

std::vector<std::pair<std::string, NodeConfig>> select_nodes(const config::Value& table, const ir::Graph& graph) {
  const Selection selection = read_selection(table);
  check_selectors(selection, graph);
  std::vector<std::pair<std::string, NodeConfig>> configs;
  for (const ir::Node& node : graph.nodes) {
    const auto config = config_for(selection, node);
    if (config && (config->channels || config->quantization)) configs.emplace_back(node.name, *config);
  }
  return configs;
}

}  // namespace lathe::model
