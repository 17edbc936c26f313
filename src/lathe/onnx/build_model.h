#pragma once

#include "lathe/engine/state.h"
#include "lathe/ir/graph.h"
#include "lathe/onnx/graph_reader.h"

namespace lathe::onnx {

/// Makes the final graph of what was read: nodes that the result does not need are left out (pieces of attention),
/// the others get module paths and names. A path comes from the names of the weights (`features.0.weight`), else from
/// PyTorch's scope in the node's name (`/features/features.0/Relu`) where that scope is the node's alone; functions
/// (sums, flatten) are called as torch.fx calls them.
ir::Graph build_graph(const GraphReader& reader, std::vector<Origin>& origins);

/// Makes the state of a graph from the weights of its nodes; what a file does not have (num_batches_tracked) is as in a
/// fresh network.
engine::State build_state(const ir::Graph& graph, const std::vector<Origin>& origins);

}  // namespace lathe::onnx
