#include "lathe/onnx/own_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/onnx/numbers.h"
#include "lathe/quant/integer.h"

namespace lathe::onnx {
namespace {

/// Ops that one ONNX node stands for; where the shapes agree they compute the same.
bool same_op(const ir::Node& a, const ir::Node& b) {
  if (a.op == b.op) return true;
  static const std::set<std::set<std::string>> kEqual = {
      {"flatten", "reshape"}, {"avg_pool2d", "adaptive_avg_pool2d"}, {"avg_pool1d", "adaptive_avg_pool1d"}};
  return kEqual.contains({a.op, b.op}) && a.output_shape == b.output_shape;
}

/// Attributes that ONNX has no place for.
bool is_lost(const ir::Node& node, const std::string& attribute) {
  return node.op == "softplus" && attribute == "threshold";
}

bool same_value(const ir::AttributeValue& a, const ir::AttributeValue& b) {
  const auto *left = std::get_if<double>(&a), *right = std::get_if<double>(&b);
  if (left != nullptr && right != nullptr) return *left == *right || nearly(*left, *right);
  const auto *format = std::get_if<quant::Format>(&a), *other = std::get_if<quant::Format>(&b);
  if (format != nullptr && other != nullptr) return quant::stored_form(*format) == quant::stored_form(*other);
  return a == b;
}

/// Tells whether the steps of two pooling windows are equal; 0 is the window's own extent.
bool same_stride(const ir::Node& a, const ir::Node& b, const std::string& attribute) {
  if (attribute != "stride" || a.op.find("pool") == std::string::npos) return false;
  const auto steps = [](const ir::Node& node) {
    Shape stride = node.integers("stride");
    for (std::size_t i = 0; i < stride.size(); ++i)
      if (stride[i] == 0) stride[i] = node.integers("kernel_size")[i];
    return stride;
  };
  return steps(a) == steps(b);
}

bool same_attributes(const ir::Node& a, const ir::Node& b) {
  if (a.op != b.op) return true;  // equal by same_op
  for (std::size_t i = 0; i < a.attributes.size(); ++i) {
    const std::string& name = a.attributes[i].name;
    if (!is_lost(a, name) && !same_value(a.attributes[i].value, b.attributes[i].value) && !same_stride(a, b, name))
      return false;
  }
  return true;
}

bool same_format(const std::optional<quant::Format>& a, const std::optional<quant::Format>& b) {
  return a.has_value() == b.has_value() && (!a || quant::stored_form(*a) == quant::stored_form(*b));
}

bool same_parameters(const ir::Node& a, const ir::Node& b) {
  if (a.parameters.size() != b.parameters.size()) return false;
  for (std::size_t i = 0; i < a.parameters.size(); ++i)
    if (a.parameters[i].shape != b.parameters[i].shape || !same_format(a.parameters[i].format, b.parameters[i].format))
      return false;
  return true;
}

bool computes_same(const ir::Graph& a, const ir::Graph& b) {
  if (a.nodes.size() != b.nodes.size()) return false;
  for (std::size_t i = 0; i < a.nodes.size(); ++i) {
    const ir::Node &left = a.nodes[i], &right = b.nodes[i];
    if (!same_op(left, right) || left.inputs != right.inputs || left.output_shape != right.output_shape ||
        !same_attributes(left, right) || !same_parameters(left, right))
      return false;
  }
  return true;
}

}  // namespace

std::optional<ir::Graph> own_graph(const Document& document, const ir::Graph& read) {
  const auto text = document.metadata.find(kGraphKey);
  if (text == document.metadata.end()) return std::nullopt;
  const auto lines = std::count(text->second.begin(), text->second.end(), '\n');
  try {
    if (static_cast<std::size_t>(lines) > read.nodes.size() + 1) throw DataError("the text has other nodes");
    ir::Graph graph = ir::parse_text(text->second);
    if (computes_same(graph, read)) return graph;
  } catch (const Error&) {
    // A damaged text is treated as one that does not fit.
  }
  log::warning_once("the file's nodes are not those that lathe wrote: its names of them are not used");
  return std::nullopt;
}

void restore_counters(const Document& document, engine::State& state) {
  for (engine::NamedTensor& tensor : state) {
    const auto found = document.metadata.find(kCounterKey + tensor.name);
    if (!tensor.integral || found == document.metadata.end()) continue;
    std::int64_t value = 0;
    const std::string& text = found->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size())
      std::fill(tensor.values.begin(), tensor.values.end(), static_cast<float>(value));
  }
}

void store_own(Document& document, const ir::Graph& graph, const engine::State& state) {
  document.metadata[kGraphKey] = ir::to_text(graph);
  for (const engine::NamedTensor& tensor : state)
    if (tensor.integral && !tensor.values.empty())
      document.metadata[kCounterKey + tensor.name] = fmt::format("{:.0f}", tensor.values.front());
}

}  // namespace lathe::onnx
