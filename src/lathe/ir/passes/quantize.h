#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lathe/ir/graph.h"

namespace lathe::ir {

/// Holds the number formats asked of one node (MASE's quantise pass): y = op(q(x), q(W), q(b)), the master weights stay
/// float. An operand without options is not mentioned in the file.
struct NodeQuantization {
  std::string kind = "integer";  ///< number format of all operands
  bool bypass = false;           ///< true: accepted and left in float
  /// `data_in_width`, `data_in_frac_width`, ... without the prefix, per operand in the order of kOperands.
  std::array<std::vector<quant::GivenOption>, kOperands.size()> options = {};

  std::vector<quant::GivenOption>& operator[](Operand operand) { return options[static_cast<std::size_t>(operand)]; }
  const std::vector<quant::GivenOption>& operator[](Operand operand) const {
    return options[static_cast<std::size_t>(operand)];
  }
};

struct QuantizeSettings {
  std::vector<std::pair<std::string, NodeQuantization>> nodes;  ///< node name -> formats
};

/// Tells whether the pass can act on a node.
bool quantizable(const Node& node);

/// Quantises nodes: weight and bias get a format, and a `quantize` node `<node>_data_in` is put before the node (an
/// existing one gets the new format; a node with several inputs gets one before each: `add_data_in`, `add_data_in_1`).
/// Data of ops that read unsigned values (relu) is unsigned unless `signed` is given. data_in is obligatory, weight
/// where the node has weights; bias is left in float when no bias option is given; operands that a node does not have
/// are ignored. Throws UserError naming node and key: unknown node (nearest shown), ops that cannot be quantised,
/// missing or impossible options.
Graph quantize(const Graph& graph, const QuantizeSettings& settings);

}  // namespace lathe::ir
