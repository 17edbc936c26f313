#include "lathe/ir/analysis/value_formats.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/ir/op.h"
#include "lathe/quant/integer.h"
#include "lathe/quant/quantizer.h"

namespace lathe::ir {
namespace {

constexpr double kFloatBits = 32;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

ValueFormat float_format() {
  return {.format = std::nullopt, .bits = kFloatBits, .range = {-kInfinity, kInfinity}, .step = std::nullopt};
}

ValueFormat described(const quant::Format& format) {
  const auto quantizer = quant::make_quantizer(format);
  return {.format = format,
          .bits = quantizer->bits_per_value(),
          .range = quantizer->range(),
          .step = quant::integer_step(format)};
}

/// Tells whether a node hands its only input's values on, in other places at most.
bool moves_values(const Graph& graph, const Node& node) {
  const OpDeclaration& op = op_of(node);
  const bool moves = op.channel_rule == ChannelRule::kPreserves || op.channel_rule == ChannelRule::kBlocks;
  return moves && op.input_count == 1 && op.cost(node, input_shapes(graph, node)).flops == 0;
}

ValueFormat output_format(const Graph& graph, const Node& node, const std::vector<NodeFormats>& earlier) {
  const std::string& attribute = op_of(node).format_attribute;
  if (!attribute.empty()) return described(node.format(attribute));
  return moves_values(graph, node) ? earlier[node.inputs.front()].output : float_format();
}

/// Returns the largest magnitude of a fixed-point value in steps.
double largest_code(const ValueFormat& value) {
  return std::max(std::fabs(value.range.first), std::fabs(value.range.second)) / *value.step;
}

/// A sum of n products of codes a and b and of a bias in the steps of the products (b is 0 without one).
std::optional<int> accumulator_bits(const Graph& graph, const Node& node, const NodeFormats& formats) {
  const ValueFormat* data = formats.find(node, Operand::kDataIn);
  const ValueFormat* weight = formats.find(node, Operand::kWeight);
  if (data == nullptr || weight == nullptr || !data->step || !weight->step) return std::nullopt;
  const auto macs = static_cast<double>(op_of(node).cost(node, input_shapes(graph, node)).macs);
  const double products = macs / static_cast<double>(element_count(node.output_shape));
  if (products < 1) return std::nullopt;
  double largest = products * largest_code(*data) * largest_code(*weight);
  if (const ValueFormat* bias = formats.find(node, Operand::kBias)) {
    if (!bias->step) return std::nullopt;
    largest += largest_code(*bias) * std::max(1.0, *bias->step / (*data->step * *weight->step));
  }
  return 1 + static_cast<int>(std::ceil(std::log2(largest + 1)));
}

}  // namespace

const ValueFormat* NodeFormats::find(const Node& node, Operand operand) const {
  if (operand == Operand::kDataIn) return inputs.empty() ? nullptr : &inputs.front();
  for (std::size_t i = 0; i < parameters.size(); ++i)
    if (node.parameters[i].operand == operand) return &parameters[i];
  return nullptr;
}

std::vector<NodeFormats> value_formats(const Graph& graph) {
  std::vector<NodeFormats> all;
  for (const Node& node : graph.nodes) {
    NodeFormats formats;
    for (const std::size_t input : node.inputs) formats.inputs.push_back(all[input].output);
    for (const Parameter& parameter : node.parameters)
      formats.parameters.push_back(parameter.format ? described(*parameter.format) : float_format());
    formats.output = output_format(graph, node, all);
    formats.accumulator_bits = accumulator_bits(graph, node, formats);
    all.push_back(std::move(formats));
  }
  return all;
}

}  // namespace lathe::ir
