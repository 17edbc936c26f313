#include "lathe/ir/analysis/costs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/base/check.h"
#include "lathe/base/error.h"
#include "lathe/ir/analysis/value_formats.h"
#include "lathe/ir/op.h"
#include "lathe/ir/size_limits.h"

namespace lathe::ir {
namespace {

/// Returns the mean bits of the values that a node reads.
double input_bits(const Graph& graph, const Node& node, const NodeFormats& formats) {
  double bits = 0, values = 0;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const auto count = static_cast<double>(element_count(graph.nodes[node.inputs[i]].output_shape));
    bits += formats.inputs[i].bits * count;
    values += count;
  }
  return bits / values;
}

void count_parameters(const Node& node, const NodeFormats& formats, NodeCosts& costs) {
  for (std::size_t i = 0; i < node.parameters.size(); ++i) {
    const Parameter& parameter = node.parameters[i];
    const std::int64_t count = element_count(parameter.shape);
    (parameter.trainable ? costs.parameters : costs.buffers) += count;
    if (parameter.trainable) costs.stored_bits += formats.parameters[i].bits * static_cast<double>(count);
  }
  if (const ValueFormat* weight = formats.find(node, Operand::kWeight)) costs.weight_bits = weight->bits;
  if (const ValueFormat* bias = formats.find(node, Operand::kBias)) costs.bias_bits = bias->bits;
}

NodeCosts node_costs(const Graph& graph, const Node& node, std::int64_t batch_size, const NodeFormats& formats) {
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
  count_parameters(node, formats, costs);
  costs.activation_bits = input_bits(graph, node, formats);
  const double other_bits = formats.find(node, Operand::kWeight) != nullptr ? costs.weight_bits : costs.activation_bits;
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
      if (parameter.operand == Operand::kWeight) weights.add(node.weight_bits, count);
      if (parameter.operand == Operand::kWeight && parameter.format) quantized.add(node.weight_bits, count);
      if (parameter.operand == Operand::kBias) biases.add(node.bias_bits, count);
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
  const std::vector<NodeFormats> formats = value_formats(graph);
  for (std::size_t i = 1; i + 1 < graph.nodes.size(); ++i) {
    try {
      result.nodes.push_back(node_costs(graph, graph.nodes[i], batch_size, formats[i]));
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
