#include "lathe/onnx/graph_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lathe/base/check.h"
#include "lathe/base/error.h"

namespace lathe::onnx {
namespace {

constexpr std::int64_t kOldestOpset = 13;

OpWriter find_writer(const std::string& op) {
  for (const OpWriters* table : {&layer_writers(), &activation_writers(), &shape_writers()})
    if (const auto found = table->find(op); found != table->end()) return found->second;
  return nullptr;
}

Shape with_batch(const Shape& sample) {
  Shape shape = {-1};
  shape.insert(shape.end(), sample.begin(), sample.end());
  return shape;
}

ValueInfo described(const std::string& name, const Shape& sample, ElementType type) {
  ValueInfo info{.name = name, .type = type, .shape = with_batch(sample)};
  info.symbols.assign(info.shape.size(), std::string());
  info.symbols.front() = "batch";
  return info;
}

[[noreturn]] void refuse_node(const ir::Node& node, const std::string& reason) {
  throw UnsupportedError(fmt::format("node {}: {}", node.name, reason));
}

}  // namespace

void check_ops(const ir::Graph& graph) {
  for (const ir::Node& node : graph.nodes) {
    if (node.op == "input" || node.op == "output" || find_writer(node.op) != nullptr) continue;
    refuse_node(node, "lathe writes no ONNX for " + node.op);
  }
}

GraphWriter::GraphWriter(Document& document, const ir::Graph& graph, const engine::State& state, ExportForm form)
    : document_(document), graph_(graph), form_(form) {
  std::size_t index = 0;
  for (const ir::Node& node : graph.nodes)
    for (const ir::Parameter& parameter : node.parameters) tensors_[{&node, parameter.name}] = &state.at(index++);
  for (const ir::Node& node : graph.nodes) value_names_.reserve(node.name);
  choose_scopes();
  document_.opsets[""] = kOldestOpset;
}

/// Names scopes as PyTorch does, so that module paths survive programs that drop what we add: the second call of the
/// module `act` is `/act_1`.
void GraphWriter::choose_scopes() {
  UniqueNames paths;
  std::set<std::string> called;
  for (const ir::Node& node : graph_.nodes) paths.reserve(node.module_path);
  for (const ir::Node& node : graph_.nodes) {
    const std::string& path = node.module_path;
    const bool again = !path.empty() && !called.insert(path).second;
    scopes_[&node] = path.empty() ? node.name : "/" + (again ? paths.claim(path) : path);
  }
}

void GraphWriter::write() {
  write_input();
  for (const ir::Node& node : graph_.nodes) {
    if (node.op == "input" || node.op == "output") continue;
    find_writer(node.op)(*this, node);
  }
  write_output();
}

void GraphWriter::write_input() {
  const auto readers = graph_.users(0);
  const bool tokens = !readers.empty() && std::all_of(readers.begin(), readers.end(), [&](std::size_t reader) {
    return graph_.nodes[reader].op == "embedding";
  });
  document_.inputs.push_back(
      described(graph_.input().name, graph_.input().output_shape, tokens ? ElementType::kInt64 : ElementType::kFloat));
}

void GraphWriter::write_output() {
  const ir::Node& output = graph_.output();
  if (output.inputs[0] == 0)
    document_.nodes.push_back({.name = node_names_.claim(output.name),
                               .op = "Identity",
                               .domain = "",
                               .inputs = {graph_.input().name},
                               .outputs = {output.name},
                               .attributes = {}});
  document_.outputs.push_back(described(output.name, output.output_shape, ElementType::kFloat));
}

/// The node whose result is the network's gives it the name `output`.
std::string GraphWriter::result_name(const ir::Node& node) const {
  const bool last = &graph_.nodes[graph_.output().inputs[0]] == &node && node.op != "input";
  return last ? graph_.output().name : node.name;
}

const std::string& GraphWriter::input(const ir::Node& node, std::size_t index) const {
  const std::size_t read = node.inputs[index];
  return read != 0 && read == graph_.output().inputs[0] ? graph_.output().name : graph_.nodes[read].name;
}

const Shape& GraphWriter::input_shape(const ir::Node& node, std::size_t index) const {
  return graph_.nodes[node.inputs[index]].output_shape;
}

const engine::NamedTensor& GraphWriter::tensor(const ir::Node& node, const std::string& name) const {
  const auto found = tensors_.find({&node, name});
  LATHE_CHECK(found != tensors_.end(), "node {} has no {}", node.name, name);
  return *found->second;
}

std::string GraphWriter::parameter(const ir::Node& node, const std::string& name) {
  for (const ir::Parameter& parameter : node.parameters) {
    if (parameter.name != name) continue;
    const engine::NamedTensor& stored = tensor(node, name);
    if (parameter.format) return write_quantised_tensor(*this, node, parameter, stored);
    return constant({.name = stored.name, .shape = stored.shape, .floats = stored.values, .integers = {}});
  }
  return "";
}

void GraphWriter::add_node(const ir::Node& node, const std::string& name, const std::string& op,
                           std::vector<std::string> inputs, std::string value, std::vector<Attribute> attributes,
                           const std::string& domain) {
  std::string unique = node_names_.claim(scopes_.at(&node) + "/" + name);
  document_.nodes.push_back(
      {std::move(unique), op, domain, std::move(inputs), {std::move(value)}, std::move(attributes)});
}

void GraphWriter::finish(const ir::Node& node, const std::string& op, std::vector<std::string> inputs,
                         std::vector<Attribute> attributes, const std::string& domain) {
  while (!inputs.empty() && inputs.back().empty()) inputs.pop_back();
  add_node(node, op, op, std::move(inputs), result_name(node), std::move(attributes), domain);
}

std::string GraphWriter::step(const ir::Node& node, const std::string& step_name, const std::string& op,
                              std::vector<std::string> inputs, std::vector<Attribute> attributes,
                              const std::string& domain) {
  const std::string value = value_names_.claim(node.name + "/" + step_name);
  add_node(node, step_name, op, std::move(inputs), value, std::move(attributes), domain);
  return value;
}

std::string GraphWriter::constant(Tensor tensor) {
  tensor.name = value_names_.claim(tensor.name);
  document_.initializers.push_back(std::move(tensor));
  return document_.initializers.back().name;
}

std::string GraphWriter::number(const ir::Node& node, const std::string& what, float value) {
  return constant({.name = node.name + "/" + what, .shape = {}, .floats = {value}, .integers = {}});
}

std::string GraphWriter::integers(const ir::Node& node, const std::string& what, std::vector<std::int64_t> values) {
  Tensor list{.name = node.name + "/" + what, .type = ElementType::kInt64, .shape = {}, .floats = {}, .integers = {}};
  list.shape = {static_cast<std::int64_t>(values.size())};
  list.integers = std::move(values);
  return constant(std::move(list));
}

void GraphWriter::need_opset(std::int64_t version) { document_.opsets[""] = std::max(document_.opsets[""], version); }

void GraphWriter::refuse(const ir::Node& node, const std::string& reason) const { refuse_node(node, reason); }

}  // namespace lathe::onnx
