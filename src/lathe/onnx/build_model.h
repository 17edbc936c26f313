#pragma once

#include <string>

#include "lathe/engine/state.h"
#include "lathe/ir/graph.h"
#include "lathe/onnx/graph_reader.h"

namespace lathe::onnx {

/// Makes the final graph of what was read: nodes that the result does not need are left out (pieces of attention),
/// the others get module paths and names. A path comes from the names of the weights (`features.0.weight`), else from
/// PyTorch's scope in the node's name (`/features/features.0/Relu`) where that scope is the node's alone; functions
/// (sums, flatten) are called as torch.fx calls them.
ir::Graph build_graph(const GraphReader& reader, std::vector<Origin>& origins);

/// Returns the module path of a state-dict name: `features.0.weight` -> `features.0`; empty when it is none.
std::string path_of_weight(const std::string& name, const std::string& parameter);
/// Returns the module path of PyTorch's scope: `/features/features.0/Relu` -> `features.0`; every component that begins
/// with the one before it is a whole path already. Empty without a scope.
std::string path_of_scope(const std::string& node_name);

/// Makes the state of a graph from the weights of its nodes; what a file does not have (num_batches_tracked) is as in a
/// fresh network.
engine::State build_state(const ir::Graph& graph, const std::vector<Origin>& origins);

}  // namespace lathe::onnx
