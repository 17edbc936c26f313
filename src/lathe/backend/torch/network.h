#pragma once

#include "lathe/backend/torch/kernel.h"
#include "lathe/backend/torch/place.h"

namespace lathe::backend::libtorch {

/// Dropout masks of one batch by node index; undefined for other nodes.
using Masks = std::vector<at::Tensor>;

/// Holds a graph with its tensors on the device and computes it.
class Network {
 public:
  Network(std::shared_ptr<const ir::Graph> graph, const Place& place, const engine::SessionSettings& settings);

  const ir::Graph& graph() const { return *graph_; }
  /// Returns the values of the last node [rows, ...] for `input` [rows, ...]. In training mode gradients can be taken
  /// of it, and running statistics have been updated.
  at::Tensor forward(const at::Tensor& input, bool training, const Masks& masks);
  /// Draws the dropout masks of a batch in the machine's memory and brings them to the device: the same values as in
  /// every other back end (engine/dropout.h).
  Masks draw_masks(std::int64_t rows, std::uint64_t dropout_seed) const;
  /// Counts a batch in every batch norm.
  void count_batch();
  /// Tells whether an op of that name is in the graph.
  bool has(std::string_view op) const;

  /// Calls `visit(tensor)` for every tensor in the order of the state.
  template <typename Visit>
  void for_each_tensor(Visit visit) {
    for (NodeState& node : nodes_)
      for (Tensor& tensor : node.tensors) visit(tensor);
  }
  template <typename Visit>
  void for_each_tensor(Visit visit) const {
    for (const NodeState& node : nodes_)
      for (const Tensor& tensor : node.tensors) visit(tensor);
  }

 private:
  std::shared_ptr<const ir::Graph> graph_;  ///< shared with the compiled network; nodes_ points into it
  const Place& place_;
  at::ScalarType precision_;
  std::vector<NodeState> nodes_;
};

}  // namespace lathe::backend::libtorch
