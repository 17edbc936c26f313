#include "lathe/onnx/build_model.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "lathe/ir/op.h"
#include "lathe/onnx/names.h"

namespace lathe::onnx {
namespace {

constexpr std::size_t kLongestScope = 2000;  ///< longer names are no module paths

/// Keeps what the text form of a graph allows in names.
std::string cleaned(std::string_view text) {
  std::string name;
  for (const char c : text) name += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' ? c : '_';
  const std::size_t first = name.find_first_not_of('.');
  const std::size_t last = name.find_last_not_of('.');
  return first == std::string::npos ? std::string() : name.substr(first, last - first + 1);
}

std::string path_of_weights(const Origin& origin) {
  for (const auto& [parameter, constant] : origin.weights) {
    const ConstantPtr& whole = constant->table != nullptr ? constant->table : constant;
    if (const std::string path = path_of_weight(whole->name, parameter); !path.empty()) return path;
  }
  return "";
}

/// Marks what the result needs.
std::vector<bool> needed_nodes(const GraphReader& reader) {
  const std::vector<ir::Node>& nodes = reader.graph().nodes;
  std::vector<bool> needed(nodes.size(), false);
  needed[reader.result()] = true;
  needed[0] = true;
  for (std::size_t i = nodes.size(); i-- > 0;)
    if (needed[i])
      for (const std::size_t input : nodes[i].inputs) needed[input] = true;
  return needed;
}

/// Chooses the module paths, [nodes].
class Paths {
 public:
  Paths(const GraphReader& reader, const std::vector<bool>& needed) : reader_(reader) {
    for (std::size_t i = 1; i < needed.size(); ++i) {
      scopes_.resize(needed.size());
      if (!needed[i]) continue;
      scopes_[i] = path_of_scope(reader.origins()[i].source->name);
      ++uses_[scopes_[i]];
      for (std::size_t dot = scopes_[i].find('.'); dot != std::string::npos; dot = scopes_[i].find('.', dot + 1))
        inner_.insert(scopes_[i].substr(0, dot));
    }
  }

  /// Returns a path that no other node has, unless it is a module without weights that is called again; empty for
  /// functions.
  std::string choose(std::size_t node) {
    std::string path = path_of_weights(reader_.origins()[node]);
    if (path.empty() || taken_.contains(path)) path = own_scope(node, !path.empty());
    if (path.empty() || is_called_again(node, path)) return path;
    called_[path] = reader_.graph().nodes[node].op;
    return taken_.claim(path);
  }

  /// Takes the name of a function with weights as a path: it stands before theirs in the state dict. False where it is
  /// taken already.
  bool take(const std::string& name) {
    const bool free = !taken_.contains(name);
    taken_.reserve(name);
    return free;
  }

 private:
  /// Returns the scope of a node where it is the module's: the only node there, with no modules within, or a node with
  /// weights; sums and reshaping within a module are functions.
  std::string own_scope(std::size_t node, bool has_weights) const {
    const ir::Node& what = reader_.graph().nodes[node];
    const ir::OpDeclaration& op = ir::op_of(what);
    const std::string& scope = scopes_[node];
    if (has_weights || !what.parameters.empty()) return scope;
    const bool alone = uses_.at(scope) == 1 && !inner_.contains(scope);
    const bool function = op.module_type.empty() && what.op != "attention";
    return alone && !function ? scope : std::string();
  }

  /// PyTorch calls the second use of a module `relu_1`: the path is `relu`. Cuts the number.
  bool is_called_again(std::size_t node, std::string& path) const {
    const ir::Node& what = reader_.graph().nodes[node];
    const std::size_t underscore = path.find_last_not_of("0123456789");
    if (!what.parameters.empty() || underscore == std::string::npos || underscore + 1 == path.size() ||
        path[underscore] != '_')
      return false;
    const auto before = called_.find(path.substr(0, underscore));
    if (before == called_.end() || before->second != what.op) return false;
    path = before->first;
    return true;
  }

  const GraphReader& reader_;
  std::vector<std::string> scopes_;
  std::map<std::string, std::string> called_;  ///< path -> op
  std::map<std::string, int> uses_;
  std::set<std::string> inner_;
  UniqueNames taken_;
};

/// Names functions as torch.fx does where our op is called otherwise.
std::string function_name(const ir::Node& node, const Origin& origin) {
  if (node.op == "concat") return "cat";
  if (origin.source->op == "Reshape") return "view";
  return node.op;
}

}  // namespace

std::string path_of_weight(const std::string& name, const std::string& parameter) {
  const std::string end = "." + parameter;
  if (!name.ends_with(end) || name.find(':') != std::string::npos || name.find('/') != std::string::npos) return "";
  return cleaned(std::string_view(name).substr(0, name.size() - end.size()));
}

std::string path_of_scope(const std::string& node_name) {
  if (!node_name.starts_with('/') || node_name.size() > kLongestScope) return "";
  std::string path, component;
  std::string_view rest = std::string_view(node_name).substr(1);
  std::string before;
  for (std::size_t slash = rest.find('/'); slash != std::string_view::npos; slash = rest.find('/')) {
    component = rest.substr(0, slash);
    rest.remove_prefix(slash + 1);
    const bool longer = !before.empty() && component.starts_with(before + ".");
    const std::string own = longer ? component.substr(before.size() + 1) : component;
    path += (path.empty() ? "" : ".") + own;
    before = component;
  }
  return cleaned(path);
}

ir::Graph build_graph(const GraphReader& reader, std::vector<Origin>& origins) {
  const std::vector<bool> needed = needed_nodes(reader);
  Paths paths(reader, needed);
  UniqueNames names;
  ir::Graph graph;
  graph.name = reader.graph().name;
  std::vector<std::size_t> moved(needed.size(), 0);
  for (std::size_t i = 0; i < needed.size(); ++i) {
    if (!needed[i]) continue;
    ir::Node node = reader.graph().nodes[i];
    for (std::size_t& input : node.inputs) input = moved[input];
    if (i > 0) node.module_path = paths.choose(i);
    const std::string wanted = node.module_path.empty() ? (i == 0 ? "x" : function_name(node, reader.origins()[i]))
                                                        : ir::fx_name(node.module_path);
    do {
      node.name = names.claim(wanted == "output" ? "output_1" : wanted);
    } while (node.module_path.empty() && !node.parameters.empty() && !paths.take(node.name));
    moved[i] = graph.nodes.size();
    graph.nodes.push_back(std::move(node));
    origins.push_back(reader.origins()[i]);
  }
  ir::Node output;
  output.name = output.op = "output";
  output.inputs = {moved[reader.result()]};
  graph.nodes.push_back(std::move(output));
  origins.push_back({});
  ir::infer(graph);
  ir::verify(graph);
  return graph;
}

engine::State build_state(const ir::Graph& graph, const std::vector<Origin>& origins) {
  engine::State state = engine::zero_state(graph);
  std::size_t index = 0;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const ir::Parameter& parameter : graph.nodes[i].parameters) {
      engine::NamedTensor& tensor = state[index++];
      for (const auto& [name, constant] : origins[i].weights)
        if (name == parameter.name) tensor.values = constant->floats;
    }
  }
  return state;
}

}  // namespace lathe::onnx
