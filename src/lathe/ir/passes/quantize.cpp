#include "lathe/ir/passes/quantize.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/ir/make_node.h"

namespace lathe::ir {
namespace {

constexpr const char* kQuantize = "quantize";

bool names_option(const std::vector<quant::GivenOption>& given, const std::string& option) {
  return std::any_of(given.begin(), given.end(), [&](const quant::GivenOption& g) { return g.name == option; });
}

/// Checks that every obligatory option is there, with the key that the user has to write.
void check_complete(const Node& node, Operand operand, const NodeQuantization& asked) {
  for (const quant::FormatOptionDeclaration& option : quant::format_kind(asked.kind).options) {
    if (option.default_value || option.optional || names_option(asked[operand], option.name)) continue;
    throw UserError("node " + node.name, fmt::format("quantising {} with {} needs {}_{}", node.op, asked.kind,
                                                     spelling(operand), option.name));
  }
}

bool has_sign(const std::string& kind) {
  const auto& options = quant::format_kind(kind).options;
  return std::any_of(options.begin(), options.end(), [](const auto& option) { return option.name == "signed"; });
}

/// Makes the format of an operand of this shape.
quant::Format operand_format(const Node& node, Operand operand, const Shape& shape, const NodeQuantization& asked) {
  check_complete(node, operand, asked);
  std::vector<quant::GivenOption> given = asked[operand];
  if (operand == Operand::kDataIn && op_of(node).unsigned_data_in && has_sign(asked.kind) &&
      !names_option(given, "signed"))
    given.push_back({"signed", 0});
  try {
    quant::Format format = quant::make_format(asked.kind, given);
    if (const auto reason = quant::misfit(format, shape)) throw UserError(*reason);
    return format;
  } catch (const UserError& error) {
    throw UserError("node " + node.name, fmt::format("{}: {}", spelling(operand), error.what()));
  }
}

/// Quantises weights always, biases where options are given.
void quantize_parameters(Node& node, const NodeQuantization& asked) {
  for (Parameter& parameter : node.parameters) {
    const bool wanted = parameter.operand && (parameter.operand != Operand::kBias || !asked[Operand::kBias].empty());
    if (wanted) parameter.format = operand_format(node, *parameter.operand, parameter.shape, asked);
  }
}

const NodeQuantization* find(const QuantizeSettings& settings, const std::string& name) {
  for (const auto& [node, asked] : settings.nodes)
    if (node == name) return asked.bypass ? nullptr : &asked;
  return nullptr;
}

void check_nodes(const Graph& graph, const QuantizeSettings& settings) {
  for (const auto& [name, asked] : settings.nodes) {
    const auto index = graph.find(name);
    if (!index)
      throw UserError(fmt::format("no node \"{}\" in {}{}", name, graph.name, suggestion(name, graph.node_names())));
    if (!quantizable(graph.nodes[*index]))
      throw UserError("node " + name, fmt::format("{} cannot be quantised", graph.nodes[*index].op));
  }
}

/// Rebuilds a graph with quantisers put in; node indices move on.
class Rewriter {
 public:
  explicit Rewriter(const Graph& source) : source_(source) { result_.name = source.name; }

  void copy(const Node& node, const NodeQuantization* asked) {
    Node copied = node;
    for (std::size_t& input : copied.inputs) input = moved_[input];
    if (asked != nullptr) {
      quantize_inputs(copied, *asked);
      quantize_parameters(copied, *asked);
    }
    moved_.push_back(result_.nodes.size());
    result_.nodes.push_back(std::move(copied));
  }
  Graph take() && { return std::move(result_); }

 private:
  /// Puts quantisers before all inputs; an input that is read twice gets one.
  void quantize_inputs(Node& node, const NodeQuantization& asked) {
    const std::vector<std::size_t> inputs = node.inputs;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const auto first = std::find(inputs.begin(), inputs.end(), inputs[i]) - inputs.begin();
      const bool repeated = static_cast<std::size_t>(first) < i;
      node.inputs[i] =
          repeated ? node.inputs[static_cast<std::size_t>(first)] : quantized_input(node, inputs[i], asked);
    }
  }

  /// Returns the index of the quantiser before `node`: the one that an earlier pass made for it, or a new one.
  std::size_t quantized_input(const Node& node, std::size_t input, const NodeQuantization& asked) {
    Node& before = result_.nodes[input];
    const quant::Format format = operand_format(node, Operand::kDataIn, before.output_shape, asked);
    if (before.op == kQuantize && before.name.starts_with(node.name + "_data_in")) {
      before.set("format", format);
      return input;
    }
    Node quantiser = make_node(result_, kQuantize, {{"format", format}}, {input});
    quantiser.name = quantiser_name(node.name + "_data_in");
    result_.nodes.push_back(std::move(quantiser));
    return result_.nodes.size() - 1;
  }

  /// Returns a name that neither graph has.
  std::string quantiser_name(const std::string& wanted) const {
    std::string name = wanted;
    for (int suffix = 1; source_.find(name) || result_.find(name); ++suffix)
      name = wanted + "_" + std::to_string(suffix);
    return name;
  }

  const Graph& source_;
  Graph result_;
  std::vector<std::size_t> moved_;  ///< [nodes of the source] index in the result
};

}  // namespace

bool quantizable(const Node& node) { return op_of(node).quantizable; }

Graph quantize(const Graph& graph, const QuantizeSettings& settings) {
  check_nodes(graph, settings);
  Rewriter rewriter(graph);
  for (const Node& node : graph.nodes) rewriter.copy(node, find(settings, node.name));
  Graph result = std::move(rewriter).take();
  verify(result);
  return result;
}

}  // namespace lathe::ir
