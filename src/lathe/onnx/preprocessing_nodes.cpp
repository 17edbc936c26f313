#include "lathe/onnx/preprocessing_nodes.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lathe/base/error.h"
#include "lathe/base/log.h"

namespace lathe::onnx {
namespace {

constexpr const char* kPreprocessingKey = "lathe.preprocessing";
constexpr const char* kRowsKey = "lathe.rows";
constexpr const char* kRawRows = "raw";
constexpr const char* kPreparedRows = "preprocessed";

/// Holds a node of a chain: it reads the value before it and, where there is one, a constant.
struct Step {
  std::string op, name;
  std::vector<Attribute> attributes = {};
  std::optional<Tensor> constant = {};
};

Step cast(const std::string& name, ElementType type) {
  return {"Cast", name, {{"to", static_cast<std::int64_t>(type)}}};
}

Step with_doubles(const std::string& op, const std::string& name, const std::string& what, Shape shape,
                  std::vector<double> values) {
  Tensor tensor{.name = "preprocessing." + what,
                .type = ElementType::kDouble,
                .shape = std::move(shape),
                .floats = {},
                .integers = {},
                .doubles = std::move(values)};
  return {op, name, {}, std::move(tensor)};
}

/// Returns the shape by which one number for each group of neighbours is spread over a row: [channels, 1, 1].
std::optional<Shape> spread_shape(const data::Scaling& scaling, const Shape& row) {
  auto groups = static_cast<std::int64_t>(scaling.mean.size());
  Shape shape;
  for (const std::int64_t extent : row) {
    if (groups > 1 && (extent < 1 || groups % extent != 0)) return std::nullopt;
    shape.push_back(groups > 1 ? extent : 1);
    groups /= shape.back();
  }
  if (groups != 1 || element_count(row) != static_cast<std::int64_t>(scaling.width())) return std::nullopt;
  return shape;
}

/// Lists the steps from raw rows to those of the network, [row]; nullopt where they do not fit.
std::optional<std::vector<Step>> steps_in_front(const data::Preprocessing& preprocessing, const Shape& row) {
  std::vector<Step> steps;
  if (preprocessing.channels_last) {
    Shape order = {0, static_cast<std::int64_t>(row.size())};
    for (std::size_t i = 1; i < row.size(); ++i) order.push_back(static_cast<std::int64_t>(i));
    steps.push_back({"Transpose", "channels_first", {{"perm", order}}});
  }
  if (preprocessing.divisor != 1) {
    steps.push_back({"Div",
                     "divided",
                     {},
                     Tensor{.name = "preprocessing.divisor",
                            .shape = {},
                            .floats = {static_cast<float>(preprocessing.divisor)},
                            .integers = {}}});
  }
  const data::Scaling& scaling = preprocessing.scaling;
  if (scaling.empty()) return steps;
  const std::optional<Shape> shape = spread_shape(scaling, row);
  if (!shape) return std::nullopt;
  steps.push_back(cast("double", ElementType::kDouble));
  steps.push_back(with_doubles("Sub", "centred", "means", *shape, scaling.mean));
  steps.push_back(with_doubles("Div", "scaled", "deviations", *shape, scaling.deviation));
  steps.push_back(cast("standardised", ElementType::kFloat));
  return steps;
}

/// Lists the steps from the network's outputs to the units of the targets.
std::vector<Step> steps_behind(const data::Preprocessing& preprocessing) {
  if (!preprocessing.changes_targets()) return {};
  std::vector<double> means, deviations;
  for (const data::Target& target : preprocessing.targets) {
    means.push_back(target.mean);
    deviations.push_back(target.deviation);
  }
  const Shape shape = {static_cast<std::int64_t>(means.size())};
  return {cast("double", ElementType::kDouble),
          with_doubles("Mul", "widened", "target_deviations", shape, std::move(deviations)),
          with_doubles("Add", "shifted", "target_means", shape, std::move(means)), cast("units", ElementType::kFloat)};
}

/// Returns the shape of a row of the network whose file takes rows of the shape of `info`: channels come first.
Shape network_row(const ValueInfo& info, bool channels_last) {
  Shape row(info.shape.begin() + 1, info.shape.end());
  if (channels_last && !row.empty()) std::rotate(row.begin(), row.end() - 1, row.end());
  return row;
}

void rename_inputs(std::vector<OnnxNode>& nodes, const std::string& from, const std::string& to) {
  for (OnnxNode& node : nodes) std::replace(node.inputs.begin(), node.inputs.end(), from, to);
}

void rename_value(std::vector<OnnxNode>& nodes, const std::string& from, const std::string& to) {
  rename_inputs(nodes, from, to);
  for (OnnxNode& node : nodes) std::replace(node.outputs.begin(), node.outputs.end(), from, to);
}

/// Makes the nodes of steps that lead from a value to another; values between are called `scope/step`.
std::vector<OnnxNode> chain(Document& document, std::vector<Step> steps, const std::string& scope,
                            const std::string& from, const std::string& to) {
  std::vector<OnnxNode> nodes;
  for (Step& step : steps) {
    std::vector<std::string> inputs = {nodes.empty() ? from : nodes.back().outputs.front()};
    if (step.constant) {
      inputs.push_back(step.constant->name);
      document.initializers.push_back(std::move(*step.constant));
    }
    const std::string name = scope + "/" + step.name;
    nodes.push_back({name, step.op, "", std::move(inputs), {name}, std::move(step.attributes)});
  }
  nodes.back().outputs.front() = to;
  return nodes;
}

void add_in_front(Document& document, std::vector<Step> steps) {
  const std::string input = document.inputs.front().name, prepared = input + "/preprocessed";
  rename_inputs(document.nodes, input, prepared);
  std::vector<OnnxNode> nodes = chain(document, std::move(steps), input, input, prepared);
  document.nodes.insert(document.nodes.begin(), nodes.begin(), nodes.end());
}

void add_behind(Document& document, std::vector<Step> steps) {
  const std::string output = document.outputs.front().name, raw = output + "/standardised";
  rename_value(document.nodes, output, raw);
  std::vector<OnnxNode> nodes = chain(document, std::move(steps), output, raw, output);
  document.nodes.insert(document.nodes.end(), nodes.begin(), nodes.end());
}

/// Sets the file's input to rows of another shape, whose dimensions have no names.
void set_row_shape(ValueInfo& input, const Shape& row) {
  input.shape.resize(1);
  input.shape.insert(input.shape.end(), row.begin(), row.end());
  input.symbols.resize(1);
  input.symbols.resize(input.shape.size());
}

/// Compares tensors of float32 and float64, which a file that was read holds in float32 too.
bool same(const Tensor& a, const Tensor& b) {
  if (a.type != b.type || a.shape != b.shape) return false;
  return a.type == ElementType::kDouble ? a.doubles == b.doubles : a.floats == b.floats;
}

/// Finds the nodes of a chain in a file.
class ChainFinder {
 public:
  explicit ChainFinder(const Document& document) : document_(document) {}

  /// Follows the steps from a value on; each must be its only use. Returns the value behind them.
  std::optional<std::string> forward(const std::vector<Step>& steps, std::string value) {
    for (const Step& step : steps) {
      const std::optional<std::size_t> reader = only_reader(value);
      if (!reader || !is_step(document_.nodes[*reader], step, value)) return std::nullopt;
      found_.insert(*reader);
      value = document_.nodes[*reader].outputs.front();
    }
    return value;
  }

  /// Follows the steps from the value behind them back. Returns the value in front of them.
  std::optional<std::string> backward(const std::vector<Step>& steps, std::string value) {
    for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
      const auto producer = std::find_if(document_.nodes.begin(), document_.nodes.end(), [&](const OnnxNode& node) {
        return node.outputs.size() == 1 && node.outputs.front() == value;
      });
      if (producer == document_.nodes.end() || !is_step(*producer, *step, producer->input(0))) return std::nullopt;
      const auto index = static_cast<std::size_t>(producer - document_.nodes.begin());
      found_.insert(index);
      value = producer->input(0);
      if (only_reader(value) != index) return std::nullopt;
    }
    return value;
  }

  const std::set<std::size_t>& found() const { return found_; }

 private:
  std::optional<std::size_t> only_reader(const std::string& value) const {
    std::optional<std::size_t> reader;
    for (std::size_t i = 0; i < document_.nodes.size(); ++i) {
      const auto uses = std::count(document_.nodes[i].inputs.begin(), document_.nodes[i].inputs.end(), value);
      if (uses > 1 || (uses == 1 && reader)) return std::nullopt;
      if (uses == 1) reader = i;
    }
    return reader;
  }

  bool is_step(const OnnxNode& node, const Step& step, const std::string& value) const {
    const std::size_t inputs = step.constant ? 2 : 1;
    if (node.op != step.op || !node.domain.empty() || node.inputs.size() != inputs || node.input(0) != value ||
        node.outputs.size() != 1 || node.attributes.size() != step.attributes.size())
      return false;
    for (const Attribute& attribute : step.attributes) {
      const AttributeValue* other = node.find(attribute.name);
      const auto* list = std::get_if<std::vector<std::int64_t>>(&attribute.value);
      const bool equal = list != nullptr ? node.integers(attribute.name, {}) == *list
                                         : node.integer(attribute.name, 0) == std::get<std::int64_t>(attribute.value);
      if (other == nullptr || !equal) return false;
    }
    return !step.constant || is_constant(node.input(1), *step.constant);
  }

  // Other programs move initializers into nodes of type Constant.
  bool is_constant(const std::string& name, const Tensor& wanted) const {
    for (const Tensor& stored : document_.initializers)
      if (stored.name == name) return same(stored, wanted);
    for (const OnnxNode& node : document_.nodes) {
      if (node.op != "Constant" || node.outputs.size() != 1 || node.outputs.front() != name) continue;
      const AttributeValue* value = node.find("value");
      return value != nullptr && std::holds_alternative<Tensor>(*value) && same(std::get<Tensor>(*value), wanted);
    }
    return false;
  }

  const Document& document_;
  std::set<std::size_t> found_;
};

/// Takes the steps of a preprocessing out of the nodes; false, and nothing changed, where they are not there.
bool take_steps(Document& document, const data::Preprocessing& preprocessing) {
  if (document.inputs.empty() || document.outputs.size() != 1 || document.inputs.front().shape.empty()) return false;
  ValueInfo& input = document.inputs.front();
  const Shape row = network_row(input, preprocessing.channels_last);
  const std::optional<std::vector<Step>> front = steps_in_front(preprocessing, row);
  ChainFinder finder(document);
  const std::string output = document.outputs.front().name;
  const std::optional<std::string> prepared = front ? finder.forward(*front, input.name) : std::nullopt;
  const std::optional<std::string> raw = finder.backward(steps_behind(preprocessing), output);
  if (!prepared || !raw) return false;
  std::vector<OnnxNode> kept;
  for (std::size_t i = 0; i < document.nodes.size(); ++i)
    if (!finder.found().contains(i)) kept.push_back(std::move(document.nodes[i]));
  document.nodes = std::move(kept);
  if (*prepared != input.name) rename_inputs(document.nodes, *prepared, input.name);
  if (*raw != output) rename_value(document.nodes, *raw, output);
  if (preprocessing.channels_last) set_row_shape(input, row);
  return true;
}

}  // namespace

void describe_preprocessing(Document& document, const data::Preprocessing& preprocessing, bool raw_rows) {
  document.metadata[kPreprocessingKey] = data::to_json(preprocessing);
  document.metadata[kRowsKey] = raw_rows ? kRawRows : kPreparedRows;
  std::vector<std::string> targets;
  for (const data::Target& target : preprocessing.targets) targets.push_back(target.name);
  const auto store = [&](const char* key, const std::vector<std::string>& names) {
    if (!names.empty()) document.metadata[key] = data::to_json(names);
  };
  store("lathe.class_names", preprocessing.class_names);
  store("lathe.feature_names", preprocessing.feature_names);
  store("lathe.target_names", targets);
}

void add_preprocessing_nodes(Document& document, const data::Preprocessing& preprocessing) {
  ValueInfo& input = document.inputs.front();
  Shape row(input.shape.begin() + 1, input.shape.end());
  std::optional<std::vector<Step>> front = steps_in_front(preprocessing, row);
  if (!front) {
    throw UnsupportedError(fmt::format("the network takes rows of shape {}; its preprocessing is of rows of {} values",
                                       to_string(row), preprocessing.scaling.width()));
  }
  if (!front->empty()) add_in_front(document, std::move(*front));
  if (std::vector<Step> behind = steps_behind(preprocessing); !behind.empty()) add_behind(document, std::move(behind));
  if (!preprocessing.channels_last) return;
  std::rotate(row.begin(), row.begin() + 1, row.end());
  set_row_shape(input, row);
}

std::optional<data::Preprocessing> take_preprocessing(Document& document, const std::string& path) {
  const auto text = document.metadata.find(kPreprocessingKey);
  if (text == document.metadata.end()) return std::nullopt;
  try {
    data::Preprocessing preprocessing = data::parse_preprocessing(text->second, path);
    if (document.metadata[kRowsKey] != kRawRows || take_steps(document, preprocessing)) return preprocessing;
  } catch (const DataError&) {
    // A damaged text is treated as one that does not fit.
  }
  log::warning_once(
      fmt::format("{}: the nodes that scale its rows are not those that lathe wrote: the file is read as it is, and "
                  "what it says of its preprocessing is not used",
                  path));
  return std::nullopt;
}

}  // namespace lathe::onnx
