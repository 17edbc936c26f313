#include "lathe/ir/analysis/costs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/base/check.h"
#include "lathe/base/error.h"
#include "lathe/ir/op.h"
#include "lathe/ir/size_limits.h"

namespace lathe::ir {
namespace {

double bits_of(const quant::Format& format) { return quant::make_quantizer(format)->bits_per_value(); }

double bits_of(const Parameter& parameter) { return parameter.format ? bits_of(*parameter.format) : kFloatBits; }

/// Returns the bits of what each node writes: those of the last quantiser before it that only copying nodes follow.
std::vector<double> output_bits(const Graph& graph) {
  std::vector<double> bits;
  for (const Node& node : graph.nodes) {
    const OpDeclaration& op = op_of(node);
    const bool moves = op.channel_rule == ChannelRule::kPreserves || op.channel_rule == ChannelRule::kBlocks;
    if (!op.format_attribute.empty())
      bits.push_back(bits_of(quant::parse_format(node.string(op.format_attribute))));
    else if (moves && op.input_count == 1 && op.cost(node, input_shapes(graph, node)).flops == 0)
      bits.push_back(bits[node.inputs.front()]);
    else
      bits.push_back(kFloatBits);
  }
  return bits;
}

/// Returns the mean bits of the values that a node reads.
double input_bits(const Graph& graph, const Node& node, const std::vector<double>& written_bits) {
  double bits = 0, values = 0;
  for (const std::size_t input : node.inputs) {
    const auto count = static_cast<double>(element_count(graph.nodes[input].output_shape));
    bits += written_bits[input] * count;
    values += count;
  }
  return bits / values;
}

void count_parameters(const Node& node, NodeCosts& costs) {
  for (const Parameter& parameter : node.parameters) {
    const std::int64_t count = element_count(parameter.shape);
    (parameter.trainable ? costs.parameters : costs.buffers) += count;
    if (!parameter.trainable) continue;
    costs.stored_bits += bits_of(parameter) * static_cast<double>(count);
    if (parameter.name == "weight") costs.weight_bits = bits_of(parameter);
    if (parameter.name == "bias") costs.bias_bits = bits_of(parameter);
  }
}

bool has_weight(const Node& node) {
  return std::any_of(node.parameters.begin(), node.parameters.end(),
                     [](const Parameter& parameter) { return parameter.name == "weight"; });
}

NodeCosts node_costs(const Graph& graph, const Node& node, std::int64_t batch_size,
                     const std::vector<double>& written_bits) {
  const std::vector<Shape> inputs = input_shapes(graph, node);
  const OpCost cost = op_of(node).cost(node, inputs);
  NodeCosts costs;
  costs.name = node.name;
  costs.op = node.op;
  costs.lab_parameters = cost.lab_parameters;
  costs.macs = counted_product({cost.macs, batch_size});
  costs.flops = counted_product({cost.flops, batch_size});
  costs.backward_flops = counted_product({cost.backward_flops, batch_size});
  for (const Shape& shape : inputs) costs.input_elements += counted_product({element_count(shape), batch_size});
  costs.output_elements = counted_product({element_count(node.output_shape), batch_size});
  count_parameters(node, costs);
  costs.activation_bits = input_bits(graph, node, written_bits);
  const double other_bits = has_weight(node) ? costs.weight_bits : costs.activation_bits;
  costs.bitops = other_bits * costs.activation_bits * static_cast<double>(costs.macs);
  costs.lab_bitops = static_cast<double>(costs.flops) * kFloatBits;
  return costs;
}

void add(const NodeCosts& node, NodeCosts& total) {
  for (const auto count :
       {&NodeCosts::parameters, &NodeCosts::buffers, &NodeCosts::lab_parameters, &NodeCosts::macs, &NodeCosts::flops,
        &NodeCosts::backward_flops, &NodeCosts::input_elements, &NodeCosts::output_elements})
    add_count(node.*count, total.*count);
  total.bitops += node.bitops;
  total.lab_bitops += node.lab_bitops;
  total.stored_bits += node.stored_bits;
}

/// Averages bits over values.
struct Mean {
  double bits = 0;
  double count = 0;
  void add(double value_bits, double values) {
    bits += value_bits * values;
    count += values;
  }
  double value() const { return count > 0 ? bits / count : kFloatBits; }
};

void average_bits(const Graph& graph, GraphCosts& costs) {
  Mean quantized, weights, biases, activations;
  for (std::size_t i = 0; i < costs.nodes.size(); ++i) {
    const NodeCosts& node = costs.nodes[i];
    if (node.macs == 0) continue;
    for (const Parameter& parameter : graph.nodes[i + 1].parameters) {
      const auto count = static_cast<double>(element_count(parameter.shape));
      if (parameter.name == "weight") weights.add(node.weight_bits, count);
      if (parameter.name == "weight" && parameter.format) quantized.add(node.weight_bits, count);
      if (parameter.name == "bias") biases.add(node.bias_bits, count);
    }
    activations.add(node.activation_bits, static_cast<double>(node.input_elements));
  }
  costs.average_bitwidth = quantized.value();
  costs.average_weight_bits = costs.total.weight_bits = weights.value();
  costs.average_bias_bits = costs.total.bias_bits = biases.value();
  costs.average_activation_bits = costs.total.activation_bits = activations.value();
}

}  // namespace

GraphCosts costs(const Graph& graph, std::int64_t batch_size) {
  LATHE_CHECK(batch_size >= 1, "batch size {}", batch_size);
  GraphCosts result;
  result.batch_size = batch_size;
  result.total.name = "total";
  const std::vector<double> written_bits = output_bits(graph);
  for (std::size_t i = 1; i + 1 < graph.nodes.size(); ++i) {
    try {
      result.nodes.push_back(node_costs(graph, graph.nodes[i], batch_size, written_bits));
      add(result.nodes.back(), result.total);
    } catch (const UserError& error) {
      throw UserError("node " + graph.nodes[i].name,
                      fmt::format("its costs for a batch of {} rows are {}", batch_size, error.what()));
    }
  }
  average_bits(graph, result);
  result.model_bytes = 4.0 * static_cast<double>(result.total.parameters);
  result.quantized_model_bytes = std::ceil(result.total.stored_bits / 8);
  return result;
}

}  // namespace lathe::ir
