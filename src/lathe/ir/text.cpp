#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <set>
#include <utility>

#include "lathe/base/check.h"
#include "lathe/ir/make_node.h"

/// The text form, one node per line:
///   graph "jsc-tiny"
///   x = input(; shape="[16]") -> [16]
///   seq_blocks_2 @ seq_blocks.2 = linear(x; in_features=16, out_features=5, bias=true) {weight: integer(...)} -> [5]
namespace lathe::ir {
namespace {

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out + "\"";
}

std::string show(double value) {
  std::string text = fmt::format("{}", value);
  return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
}

std::string show(const AttributeValue& value) {
  if (const auto* boolean = std::get_if<bool>(&value)) return *boolean ? "true" : "false";
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* number = std::get_if<double>(&value)) return show(*number);
  if (const auto* list = std::get_if<Shape>(&value)) return to_string(*list);
  if (const auto* format = std::get_if<quant::Format>(&value)) return quoted(format->to_string());
  return quoted(std::get<std::string>(value));
}

std::string inputs_text(const Graph& graph, const Node& node) {
  std::string text;
  for (const std::size_t input : node.inputs) text += (text.empty() ? "" : ", ") + graph.nodes[input].name;
  return text;
}

std::string formats_text(const Node& node) {
  std::string text;
  for (const Parameter& parameter : node.parameters) {
    if (!parameter.format) continue;
    text += (text.empty() ? " {" : ", ") + parameter.name + ": " + parameter.format->to_string();
  }
  return text.empty() ? text : text + "}";
}

std::string node_text(const Graph& graph, const Node& node) {
  std::string text = node.name;
  if (!node.module_path.empty()) text += " @ " + node.module_path;
  text += " = " + node.op + "(" + inputs_text(graph, node);
  const char* separator = "; ";
  for (const Attribute& attribute : node.attributes) {
    text += separator + attribute.name + "=" + show(attribute.value);
    separator = ", ";
  }
  return text + ")" + formats_text(node) + " -> " + to_string(node.output_shape) + "\n";
}

/// Reads one line, character by character.
class LineReader {
 public:
  explicit LineReader(std::string_view line) : line_(line) {}

  bool at_end() {
    skip_spaces();
    return at_ == line_.size();
  }
  bool accept(std::string_view token) {
    skip_spaces();
    if (line_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  void expect(std::string_view token) {
    if (!accept(token)) fail(fmt::format("expected \"{}\"", token));
  }
  /// Reads a name: letters, digits, `_`, `.` and `-` (but not the arrow).
  std::string name() {
    skip_spaces();
    const std::size_t first = at_;
    while (at_ < line_.size() && is_name(line_[at_]) && line_.substr(at_, 2) != "->") ++at_;
    if (at_ == first) fail("expected a name");
    return std::string(line_.substr(first, at_ - first));
  }
  std::string string() {
    expect("\"");
    std::string text;
    while (at_ < line_.size() && line_[at_] != '"') {
      const bool escaped = line_[at_] == '\\' && at_ + 1 < line_.size();
      if (escaped) ++at_;
      text += escaped && line_[at_] == 'n' ? '\n' : line_[at_];
      ++at_;
    }
    expect("\"");
    return text;
  }
  AttributeValue value() {
    skip_spaces();
    if (at_ < line_.size() && line_[at_] == '"') return string();
    if (accept("[")) return list();
    if (accept("true")) return true;
    if (accept("false")) return false;
    return number();
  }
  /// Reads up to and including the closing parenthesis: `integer(width=8, ...)`.
  std::string format() {
    skip_spaces();
    const std::size_t close = line_.find(')', at_);
    if (close == std::string_view::npos) fail("expected a number format");
    const std::size_t first = std::exchange(at_, close + 1);
    return std::string(line_.substr(first, at_ - first));
  }
  std::string_view rest() {
    skip_spaces();
    return line_.substr(std::exchange(at_, line_.size()));
  }
  [[noreturn]] void fail(const std::string& what) const {
    throw UserError(fmt::format("column {}: {}", at_ + 1, what));
  }

 private:
  /// Reads `3, 3]`.
  Shape list() {
    Shape values;
    while (!accept("]")) {
      const AttributeValue value = number();
      if (!std::holds_alternative<std::int64_t>(value)) fail("expected an integer");
      values.push_back(std::get<std::int64_t>(value));
      if (!accept(",") && !(at_ < line_.size() && line_[at_] == ']')) fail("expected \",\" or \"]\"");
    }
    return values;
  }
  static bool is_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-';
  }
  void skip_spaces() {
    while (at_ < line_.size() && line_[at_] == ' ') ++at_;
  }
  AttributeValue number() {
    skip_spaces();
    const char* const first = line_.data() + at_;
    const char* const last = line_.data() + line_.size();
    std::int64_t integer = 0;
    const auto [integer_end, integer_error] = std::from_chars(first, last, integer);
    double number = 0;
    const auto [number_end, number_error] = std::from_chars(first, last, number);
    if (number_error != std::errc() && integer_error != std::errc()) fail("expected a value");
    at_ += static_cast<std::size_t>(std::max(integer_end, number_end) - first);
    if (integer_error == std::errc() && integer_end >= number_end) return integer;
    return number;
  }

  std::string_view line_;
  std::size_t at_ = 0;
};

/// Holds a line before its node is made.
struct ParsedNode {
  std::string name, module_path, op;
  std::vector<std::string> inputs;
  std::vector<Attribute> attributes;
  std::vector<std::pair<std::string, std::string>> formats;
  std::string shape;
};

void read_arguments(LineReader& reader, ParsedNode& node) {
  reader.expect("(");
  while (!reader.accept(")")) {
    if (reader.accept(";")) {
      do {
        std::string name = reader.name();
        reader.expect("=");
        node.attributes.push_back({std::move(name), reader.value()});
      } while (reader.accept(","));
      reader.expect(")");
      return;
    }
    node.inputs.push_back(reader.name());
    reader.accept(",");
  }
}

void read_formats(LineReader& reader, ParsedNode& node) {
  if (!reader.accept("{")) return;
  do {
    std::string name = reader.name();
    reader.expect(":");
    node.formats.emplace_back(std::move(name), reader.format());
  } while (reader.accept(","));
  reader.expect("}");
}

ParsedNode read_node(std::string_view line) {
  LineReader reader(line);
  ParsedNode node;
  node.name = reader.name();
  if (reader.accept("@")) node.module_path = reader.name();
  reader.expect("=");
  node.op = reader.name();
  read_arguments(reader, node);
  read_formats(reader, node);
  reader.expect("->");
  node.shape = reader.rest();
  return node;
}

std::vector<std::size_t> input_indices(const Graph& graph, const ParsedNode& parsed) {
  std::vector<std::size_t> inputs;
  for (const std::string& name : parsed.inputs) {
    const auto index = graph.find(name);
    if (!index) throw UserError(fmt::format("no earlier node \"{}\"{}", name, suggestion(name, graph.node_names())));
    inputs.push_back(*index);
  }
  return inputs;
}

void set_formats(Node& node, const ParsedNode& parsed) {
  for (const auto& [name, text] : parsed.formats) {
    bool found = false;
    for (Parameter& parameter : node.parameters) {
      if (parameter.name != name || !parameter.trainable) continue;
      parameter.set_format(quant::parse_format(text));
      found = true;
    }
    if (!found) throw UserError(fmt::format("{} has no trainable parameter \"{}\"", parsed.op, name));
  }
}

/// Adds one node to a graph that is read. `paths` are the module paths of the nodes with parameters so far.
void append(Graph& graph, std::set<std::string>& paths, std::string_view line) {
  const ParsedNode parsed = read_node(line);
  if (graph.find(parsed.name)) throw UserError("two nodes have the name " + parsed.name);
  Node node = make_node(graph, parsed.op, parsed.attributes, input_indices(graph, parsed));
  node.name = parsed.name;
  node.module_path = parsed.module_path;
  if (!node.module_path.empty() && !node.parameters.empty() && !paths.insert(node.module_path).second)
    throw UserError("two nodes have the module path " + node.module_path);
  set_formats(node, parsed);
  if (to_string(node.output_shape) != parsed.shape)
    throw UserError(fmt::format("the node computes {}; the text says {}", to_string(node.output_shape), parsed.shape));
  graph.nodes.push_back(std::move(node));
}

void read_line(Graph& graph, std::set<std::string>& paths, std::string_view line) {
  LineReader reader(line);
  if (reader.at_end()) return;
  if (graph.nodes.empty() && graph.name.empty() && reader.accept("graph ")) {
    graph.name = reader.string();
    return;
  }
  append(graph, paths, line);
}

void check_ends(const Graph& graph) {
  if (graph.nodes.size() < 2 || graph.input().op != "input" || graph.input().name != "x" ||
      graph.output().op != "output" || graph.output().name != "output")
    throw UserError("graph text: the first node must be x = input(...), the last output = output(...)");
  for (std::size_t i = 1; i + 1 < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (node.op == "input" || node.op == "output")
      throw UserError(fmt::format("graph text: node {} is a second {}", node.name, node.op));
  }
}

}  // namespace

std::string to_text(const Graph& graph, bool with_name) {
  std::string text = with_name ? "graph " + quoted(graph.name) + "\n" : std::string();
  for (const Node& node : graph.nodes) text += node_text(graph, node);
  return text;
}

Graph parse_text(std::string_view text) {
  Graph graph;
  std::set<std::string> paths;
  int line_number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    ++line_number;
    try {
      read_line(graph, paths, text.substr(0, end));
    } catch (const UserError& error) {
      throw UserError(fmt::format("graph text, line {}: {}", line_number, error.what()));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  check_ends(graph);
  verify(graph);
  return graph;
}

}  // namespace lathe::ir
