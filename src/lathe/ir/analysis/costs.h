#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lathe/ir/graph.h"

namespace lathe::ir {

/// Bits of a value that no format says anything of.
inline constexpr double kFloatBits = 32;

/// Holds the costs of one node for a whole batch (parameters are counted once).
struct NodeCosts {
  std::string name;
  std::string op;
  std::int64_t parameters = 0;       ///< trainable values
  std::int64_t buffers = 0;          ///< values of buffers (running statistics)
  std::int64_t lab_parameters = 0;   ///< `total_parameters` of the labs' table: weights without bias
  std::int64_t macs = 0;             ///< multiply-accumulates of the matrix products
  std::int64_t flops = 0;            ///< `computations` in the labs' convention, a MAC counted as one
  std::int64_t backward_flops = 0;   ///< `backward_computations` of the labs' table
  std::int64_t input_elements = 0;   ///< `input_buffer_size`, values read
  std::int64_t output_elements = 0;  ///< `output_buffer_size`, values written
  double bitops = 0;      ///< weight bits x activation bits x MACs (sums have none; matmul: activation bits twice)
  double lab_bitops = 0;  ///< flops x 32, whatever the formats are (the labs' flat convention)
  double weight_bits = kFloatBits;      ///< bits per weight
  double bias_bits = kFloatBits;        ///< bits per bias value
  double activation_bits = kFloatBits;  ///< bits per value that the node reads, on average over its inputs
  double stored_bits = 0;               ///< bits of all trainable values in their formats
};

/// Holds the costs of a network. Nodes that come from passes (quantisers) cost nothing: hardware has wires there.
struct GraphCosts {
  std::int64_t batch_size = 1;
  std::vector<NodeCosts> nodes;  ///< of each node but input and output, in graph order
  NodeCosts total;               ///< sums; name `total`; bits are means as below

  /// Mean bits per weight over the quantised layers with MACs, 32 when there is none (MASE's definition: layers left in
  /// float do not count).
  double average_bitwidth = kFloatBits;
  double average_weight_bits = kFloatBits;      ///< over the weights of all layers with MACs
  double average_bias_bits = kFloatBits;        ///< over the biases of all layers with MACs
  double average_activation_bits = kFloatBits;  ///< over the values that layers with MACs read

  double model_bytes = 0;            ///< trainable values x 4, the labs' model size
  double quantized_model_bytes = 0;  ///< trainable values in their formats; batch norms are float

  /// Returns compare_to / average_bitwidth.
  double memory_density(double compare_to) const { return compare_to / average_bitwidth; }
};

/// Computes every cost that follows from the graph alone, for a batch of `batch_size` >= 1 samples.
GraphCosts costs(const Graph& graph, std::int64_t batch_size);

}  // namespace lathe::ir
