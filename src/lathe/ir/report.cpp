#include "lathe/ir/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "lathe/ir/op.h"

namespace lathe::ir {
namespace {

/// Names the fx kind of a node.
std::string_view fx_kind(const Node& node) {
  const OpDeclaration& op = op_of(node);
  if (op.input_count == 0) return "placeholder";
  if (op.channel_rule == ChannelRule::kFixed) return "output";
  return node.module_path.empty() ? "call_function" : "call_module";
}

std::string arguments(const Graph& graph, const Node& node) {
  std::string text;
  for (const std::size_t input : node.inputs) text += (text.empty() ? "%" : ", %") + graph.nodes[input].name;
  return node.inputs.size() == 1 ? "(" + text + ",)" : "(" + text + ")";
}

std::string keyword(const Attribute& attribute) {
  const auto* text = std::get_if<std::string>(&attribute.value);
  const auto* list = std::get_if<Shape>(&attribute.value);
  if (text != nullptr) return fmt::format("{}: {}", attribute.name, *text);
  if (list != nullptr) return fmt::format("{}: {}", attribute.name, to_string(*list));
  if (const auto* format = std::get_if<quant::Format>(&attribute.value))
    return fmt::format("{}: {}", attribute.name, format->to_string());
  if (const auto* boolean = std::get_if<bool>(&attribute.value))
    return fmt::format("{}: {}", attribute.name, *boolean ? "True" : "False");
  if (const auto* number = std::get_if<double>(&attribute.value)) return fmt::format("{}: {}", attribute.name, *number);
  return fmt::format("{}: {}", attribute.name, std::get<std::int64_t>(attribute.value));
}

std::string keywords(const Node& node) {
  if (!node.module_path.empty()) return "{}";
  std::string text;
  for (const Attribute& attribute : node.attributes) text += (text.empty() ? "" : ", ") + keyword(attribute);
  return "{" + text + "}";
}

std::string target(const Node& node) {
  if (!node.module_path.empty()) return node.module_path;
  const std::string& function = op_of(node).function;
  return function.empty() ? node.op : function;
}

std::string fx_line(const Graph& graph, std::size_t index) {
  const Node& node = graph.nodes[index];
  const std::string_view kind = fx_kind(node);
  if (kind == "output") return fmt::format("    return {}\n", graph.nodes[node.inputs.front()].name);
  const std::string head = fmt::format("    %{} : [num_users={}] = {}", node.name, graph.users(index).size(), kind);
  if (kind == "placeholder") return fmt::format("{}[target={}]\n", head, node.name);
  return fmt::format("{}[target={}](args = {}, kwargs = {})\n", head, target(node), arguments(graph, node),
                     keywords(node));
}

std::string overview(const Graph& graph) {
  std::array<std::pair<std::string_view, int>, 6> counts = {{{"placeholder", 0},
                                                             {"get_attr", 0},
                                                             {"call_function", 0},
                                                             {"call_method", 0},
                                                             {"call_module", 0},
                                                             {"output", 0}}};
  for (const Node& node : graph.nodes)
    std::find_if(counts.begin(), counts.end(), [&](const auto& count) {
      return count.first == fx_kind(node);
    })->second++;
  std::string text;
  for (const auto& [kind, count] : counts) text += fmt::format("{}'{}': {}", text.empty() ? "{" : ", ", kind, count);
  return text + "}";
}

std::string layer_types(const Graph& graph) {
  std::string text;
  for (const Node& node : graph.nodes)
    if (!node.module_path.empty()) text += (text.empty() ? "" : ", ") + op_of(node).module_text(node);
  return "[" + text + "]";
}

/// Describes the formats of a layer: its quantised input and parameters.
std::string formats(const Graph& graph, const Node& node) {
  std::string text;
  const auto add = [&text](const std::string& operand, const std::string& format) {
    text += (text.empty() ? "  # " : ", ") + operand + " " + format;
  };
  for (const std::size_t input : node.inputs) {
    const Node& before = graph.nodes[input];
    const std::string& attribute = op_of(before).format_attribute;
    if (!attribute.empty()) add("data_in", before.format(attribute).to_string());
  }
  for (const Parameter& parameter : node.parameters)
    if (parameter.format) add(parameter.name, parameter.format->to_string());
  return text;
}

/// Splits `layer1.0.conv1` at its dots.
std::vector<std::string> parts(const std::string& path) {
  std::vector<std::string> names(1);
  for (const char c : path) {
    if (c == '.')
      names.emplace_back();
    else
      names.back() += c;
  }
  return names;
}

/// Prints modules within their containers, as PyTorch indents them.
class ModulePrinter {
 public:
  explicit ModulePrinter(const std::string& name) : text_(name + "(\n") {}

  void add(const std::string& path, const std::string& module) {
    std::vector<std::string> names = parts(path);
    const std::string own = std::move(names.back());
    names.pop_back();
    const auto common = std::mismatch(open_.begin(), open_.end(), names.begin(), names.end()).first - open_.begin();
    while (open_.size() > static_cast<std::size_t>(common)) close();
    while (open_.size() < names.size()) open(names[open_.size()]);
    line(fmt::format("({}): {}", own, module));
  }
  std::string finish() && {
    while (!open_.empty()) close();
    return text_ + ")\n";
  }

 private:
  void line(const std::string& content) { text_ += std::string(2 * (open_.size() + 1), ' ') + content + "\n"; }
  void open(const std::string& name) {
    line(fmt::format("({}): Sequential(", name));
    open_.push_back(name);
  }
  void close() {
    open_.pop_back();
    line(")");
  }

  std::string text_;
  std::vector<std::string> open_;  ///< containers that are being printed
};

}  // namespace

std::string fx_text(const Graph& graph) {
  std::string text = "graph():\n";
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) text += fx_line(graph, i);
  return text;
}

std::string graph_report(const Graph& graph) {
  return fx_text(graph) + "Network overview:\n" + overview(graph) + "\nLayer types:\n" + layer_types(graph) + "\n";
}

std::string module_text(const Graph& graph) {
  ModulePrinter printer(graph.name);
  std::set<std::string> printed;  // a module may be called twice
  for (const Node& node : graph.nodes)
    if (!node.module_path.empty() && printed.insert(node.module_path).second)
      printer.add(node.module_path, op_of(node).module_text(node) + formats(graph, node));
  return std::move(printer).finish();
}

std::int64_t trainable_parameters(const Graph& graph) {
  std::int64_t count = 0;
  for (const Node& node : graph.nodes)
    for (const Parameter& parameter : node.parameters)
      if (parameter.trainable) count += element_count(parameter.shape);
  return count;
}

}  // namespace lathe::ir
