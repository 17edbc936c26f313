#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "lathe/ir/graph.h"

namespace lathe::backend::onednn {

/// Says which nodes another one does.
struct Fusions {
  /// For each node the node whose result is this node's: itself, or the one that does its work (a batch norm its ReLU),
  /// or the one whose result it hands on (identity).
  std::vector<std::size_t> origin;
  /// For each node the batch norm that it does in evaluation (a convolution).
  std::vector<std::optional<std::size_t>> batch_norm;
  std::vector<bool> relu;  ///< for each node whether it does the ReLU behind it

  bool vanishes(std::size_t node) const { return origin[node] != node; }
};

/// Chooses what is done together: in training ReLU with the batch norm, convolution or linear layer before it; in
/// evaluation batch norm and ReLU with the convolution; where nothing else reads the value between.
Fusions find_fusions(const ir::Graph& graph, bool training);

}  // namespace lathe::backend::onednn
