#include "lathe/onnx/graph_reader.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "lathe/base/error.h"
#include "lathe/ir/make_node.h"
#include "lathe/onnx/converters.h"

namespace lathe::onnx {
namespace {

constexpr std::int64_t kOldestOpset = 7, kNewestOpset = 21;
constexpr std::size_t kMaximumNodes = 1'000'000;
constexpr std::size_t kMaximumRank = 16;

bool is_own_domain(const std::string& domain) {
  return domain.empty() || domain == "qonnx.custom_op.general" || domain == "onnx.brevitas" ||
         domain == "finn.custom_op.general";
}

/// Refuses values without dimensions, with many, those that no machine could hold, and whose sizes would overflow.
Shape checked_shape(Shape shape) {
  if (shape.empty()) throw DataError("its result would have no dimension beside the batch");
  if (shape.size() > kMaximumRank)
    throw DataError(fmt::format("its result would have {} dimensions; {} are read", shape.size(), kMaximumRank));
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 1 || count > (std::int64_t{1} << 40) / extent)
      throw DataError("its result would have the shape " + to_string(shape));
    count *= extent;
  }
  return shape;
}

std::int64_t opset_of(const Document& document, const std::string& path) {
  const auto found = document.opsets.find("");
  if (found == document.opsets.end()) throw DataError(path, "the file names no opset of ONNX");
  if (found->second < kOldestOpset || found->second > kNewestOpset)
    throw DataError(path,
                    fmt::format("opset {} is not read (known: {} to {})", found->second, kOldestOpset, kNewestOpset));
  return found->second;
}

}  // namespace

GraphReader::GraphReader(Document& document, std::string path) : document_(document), path_(std::move(path)) {
  opset_ = opset_of(document_, path_);
  graph_.name = document_.graph_name;
  if (document_.nodes.size() > kMaximumNodes) throw DataError(path_, "more than a million nodes");
}

void GraphReader::read() {
  read_initializers();
  std::vector<const ValueInfo*> inputs;
  for (const ValueInfo& info : document_.inputs)
    if (!values_.contains(info.name)) inputs.push_back(&info);
  if (inputs.size() != 1)
    throw DataError(path_, fmt::format("a network with one input is needed; this one has {}", inputs.size()));
  read_input(*inputs.front());
  for (const OnnxNode& node : document_.nodes) read_node(node);
  if (document_.outputs.size() != 1)
    throw DataError(path_,
                    fmt::format("a network with one output is needed; this one has {}", document_.outputs.size()));
  refuse_pending_result(document_.outputs.front().name);
}

void GraphReader::define(const std::string& name, Value value) {
  if (name.empty()) return;
  if (value.id.empty()) value.id = name;
  if (!values_.emplace(name, std::move(value)).second)
    throw DataError(path_, fmt::format("two values are called {}", name));
}

void GraphReader::spend(std::size_t values) {
  if (values > budget_) throw DataError("the constants of the file become too large");
  budget_ -= values;
}

void GraphReader::read_initializers() {
  for (Tensor& tensor : document_.initializers) {
    const std::string name = tensor.name;
    budget_ += 4 * (tensor.floats.size() + tensor.integers.size());
    define(name, {.constant = make_constant(std::move(tensor))});
  }
  document_.initializers.clear();
}

void GraphReader::read_input(const ValueInfo& info) {
  if (info.shape.size() < 2)
    throw DataError(path_, fmt::format("the input {} must have a batch dimension and others; it has {} dimensions",
                                       info.name, info.shape.size()));
  fixed_batch_ = std::max<std::int64_t>(info.shape.front(), 0);
  const Shape shape(info.shape.begin() + 1, info.shape.end());
  for (std::size_t i = 0; i < shape.size(); ++i)
    if (shape[i] < 1)
      throw DataError(path_,
                      fmt::format("dimension {} of the input {} is not fixed ({}); export it with only the first "
                                  "dimension in dynamic_axes",
                                  i + 1, info.name, info.symbols[i + 1]));
  try {
    checked_shape(shape);
    graph_.nodes.push_back(ir::make_node(graph_, "input", {{"shape", to_string(shape)}}, {}));
  } catch (const Error& error) {
    throw DataError(path_, fmt::format("input {}: {}", info.name, error.what()));
  }
  origins_.push_back({});
  define(info.name, {.node = 0, .shape = shape});
}

const Shape& GraphReader::shape(const OnnxNode& node, std::size_t input) const {
  const Value& found = value(node.input(input));
  if (found.constant != nullptr) refuse(node, fmt::format("its input {} must not be a constant", input));
  return found.shape;
}

const Value& GraphReader::value(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) throw DataError(fmt::format("the value \"{}\" is computed nowhere before", name));
  return found->second;
}

ConstantPtr GraphReader::constant(const OnnxNode& node, std::size_t input) const {
  return node.input(input).empty() ? nullptr : value(node.input(input)).constant;
}

ConstantPtr GraphReader::need_constant(const OnnxNode& node, std::size_t input, const std::string& what) const {
  ConstantPtr found = constant(node, input);
  if (found == nullptr) refuse(node, what + " must be a constant");
  return found;
}

std::size_t GraphReader::data(const OnnxNode& node, std::size_t input) const {
  const Value& found = value(node.input(input));
  if (found.constant != nullptr) refuse(node, fmt::format("its input {} must not be a constant", input));
  if (!found.node) refuse_pending_result(node.input(input));
  return *found.node;
}

std::size_t GraphReader::result() const { return *value(document_.outputs.front().name).node; }

void GraphReader::emit(const OnnxNode& source, const std::string& op, std::vector<ir::Attribute> attributes,
                       std::vector<std::size_t> inputs, Weights weights) {
  for (const ir::Attribute& attribute : attributes)
    if (const auto* number = std::get_if<double>(&attribute.value); number != nullptr && !std::isfinite(*number))
      throw DataError(fmt::format("{} = {}", attribute.name, *number));
  ir::Node node = ir::make_node(graph_, op, attributes, std::move(inputs));
  std::erase_if(weights, [](const auto& weight) { return weight.second == nullptr; });
  for (const auto& [name, constant] : weights) {
    const auto parameter = std::find_if(node.parameters.begin(), node.parameters.end(),
                                        [&, &wanted = name](const ir::Parameter& p) { return p.name == wanted; });
    if (parameter == node.parameters.end()) throw DataError(fmt::format("{} has no {}", op, name));
    if (constant->shape != parameter->shape)
      throw DataError(fmt::format("its {} has shape {}; {} is needed", name, to_string(constant->shape),
                                  to_string(parameter->shape)));
    if (!constant->floating) throw DataError(fmt::format("its {} holds integers", name));
    if (constant->format && !parameter->trainable)
      throw DataError(fmt::format("its {} is quantised, which is not read", name));
    if (constant->format) parameter->set_format(*constant->format);
    spend(constant->size());
  }
  const Shape shape = checked_shape(node.output_shape);
  graph_.nodes.push_back(std::move(node));
  origins_.push_back({&source, std::move(weights)});
  define(source.outputs.at(0), {.node = graph_.nodes.size() - 1, .shape = shape, .producer = &source});
}

void GraphReader::alias(const OnnxNode& source, const std::string& input) {
  Value same_value = value(input);
  define(source.outputs.at(0), std::move(same_value));
}

void GraphReader::set_constant(const OnnxNode& source, ConstantPtr constant) {
  if (source.op != "Constant") spend(constant->size());
  define(source.outputs.at(0), {.constant = std::move(constant), .producer = &source});
}

void GraphReader::keep_pending(const OnnxNode& source, Shape shape) {
  define(source.outputs.at(0), {.shape = checked_shape(std::move(shape)), .producer = &source});
}

void GraphReader::refuse(const OnnxNode& node, const std::string& reason) const {
  throw UnsupportedError(fmt::format("{}: node {}: {}", path_, node.label(), reason));
}

void GraphReader::read_node(const OnnxNode& node) {
  if (node.outputs.empty() || node.outputs.front().empty())
    throw DataError(path_, fmt::format("node {} has no output", node.label()));
  try {
    if (!is_own_domain(node.domain)) refuse_unknown(node);
    if (!fold_node(node)) convert(node);
  } catch (const UserError& error) {
    throw DataError(path_, fmt::format("node {}: {}", node.label(), error.what()));
  } catch (const DataError& error) {
    throw DataError(path_, fmt::format("node {}: {}", node.label(), error.what()));
  }
}

bool GraphReader::fold_node(const OnnxNode& node) {
  std::vector<ConstantPtr> inputs;
  for (const std::string& name : node.inputs) {
    if (!name.empty() && value(name).constant == nullptr) return false;
    inputs.push_back(name.empty() ? nullptr : value(name).constant);
  }
  ConstantPtr result = fold(node, inputs);
  if (result == nullptr) return false;
  if (node.op == "Identity" && !result->name.empty()) {  // PyTorch stores equal initializers once
    Constant renamed = *result;
    renamed.name = renamed.source = node.outputs.front();
    result = std::make_shared<const Constant>(std::move(renamed));
  }
  set_constant(node, std::move(result));
  return true;
}

void GraphReader::read_shape_of_data(const OnnxNode& node) {
  std::vector<std::int64_t> extents = {fixed_batch_ > 0 ? fixed_batch_ : 1};
  const Shape& sample = shape(node, 0);
  extents.insert(extents.end(), sample.begin(), sample.end());
  std::vector<bool> times_batch(extents.size(), false);
  times_batch.front() = fixed_batch_ == 0;
  if (node.find("start") != nullptr || node.find("end") != nullptr) refuse(node, "start and end are not read");
  set_constant(node, make_integers(std::move(extents), std::move(times_batch)));
}

void GraphReader::convert(const OnnxNode& node) {
  if (node.op == "Shape") return read_shape_of_data(node);
  if (complete_pattern(*this, node)) return;
  const bool reads_pieces = std::any_of(node.inputs.begin(), node.inputs.end(), [&](const std::string& name) {
    return !name.empty() && value(name).pending();
  });
  const Converter converter = find_converter(node);
  if (converter != nullptr && !reads_pieces) return converter(*this, node);
  if (const std::optional<Shape> shape = piece_shape(*this, node)) return keep_pending(node, *shape);
  if (converter == nullptr) refuse_unknown(node);
  for (std::size_t i = 0; i < node.inputs.size(); ++i)
    if (!node.inputs[i].empty()) refuse_pending_result(node.inputs[i]);
}

void GraphReader::refuse_unknown(const OnnxNode& node) const {
  throw UnsupportedError(fmt::format("{}: node {}: lathe has no op for {}{} (read are: {})", path_, node.label(),
                                     node.domain.empty() ? "" : node.domain + ".", node.op,
                                     fmt::join(readable_ops(), ", ")));
}

/// Goes back from a piece to the node that no pattern took up.
void GraphReader::refuse_pending_result(const std::string& name) const {
  const Value* found = &value(name);
  if (found->constant != nullptr) throw DataError(path_, fmt::format("{} is a constant", name));
  std::set<const OnnxNode*> seen;
  while (found->pending()) {
    const Value* before = nullptr;
    for (const std::string& input : found->producer->inputs)
      if (!input.empty() && value(input).pending()) before = &value(input);
    if (before == nullptr || !seen.insert(before->producer).second)
      refuse(
          *found->producer,
          "this use is not read; Sub, Div, Pow, Sqrt, Erf, Where and the like, and sums and products with constants, "
          "are read within gelu, silu, hardswish, hardsigmoid, layer norm and attention");
    found = before;
  }
}

}  // namespace lathe::onnx
