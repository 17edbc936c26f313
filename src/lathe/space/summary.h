#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lathe/ir/graph.h"

namespace lathe::space {

/// Describes a layer that makes new channels.
struct LayerSummary {
  std::string node;
  std::int64_t width = 0;                                  ///< its output channels
  std::optional<double> weight_bits = {}, data_bits = {};  ///< of its weights and its input; nullopt: not quantised
};

/// Lists the layers that make new channels, in the order of the network.
std::vector<LayerSummary> layer_summaries(const ir::Graph& graph);

/// Prints the widths of a network from its input through the layers that make new channels: `16-32-48-5`,
/// `3x32x32-128-256-10`.
std::string width_summary(const ir::Graph& graph);

/// Prints the bits of weights and activations of each layer that makes new channels, in order: `w4a8 w2a8 float`; empty
/// when nothing is quantised. Equal layers are joined: `3 x w4a8`.
std::string bits_summary(const ir::Graph& graph);

}  // namespace lathe::space
