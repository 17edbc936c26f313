#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "lathe/ir/graph.h"

namespace lathe::ir {

/// Says in which numbers a value is: what costs, summaries and exporters know of quantisation.
struct ValueFormat {
  std::optional<quant::Format> format;  ///< absent: float32
  double bits = 32;                     ///< of one value, shared exponents counted in shares
  std::pair<double, double> range;      ///< what it can hold; of float32 minus and plus infinity
  std::optional<double> step;           ///< of fixed point with one step for the tensor: every value is a multiple

  bool quantised() const { return format.has_value(); }
};

/// Holds the formats of one node.
struct NodeFormats {
  std::vector<ValueFormat> inputs;      ///< what it reads, in the order of its inputs
  std::vector<ValueFormat> parameters;  ///< in the order of the node's parameters
  ValueFormat output;                   ///< what it writes
  /// Bits, the sign included, of an integer that holds every sum of products that the node forms, whatever the weights:
  /// of layers whose inputs and weights are fixed point; absent for others.
  std::optional<int> accumulator_bits;

  /// Returns the format of an operand: of the first input, or of the parameter that is it; null where there is none.
  const ValueFormat* find(const Node& node, Operand operand) const;
};

/// Returns the formats of all nodes. A value is in the format of the last quantiser before it that only nodes follow
/// that move values.
std::vector<NodeFormats> value_formats(const Graph& graph);

}  // namespace lathe::ir
