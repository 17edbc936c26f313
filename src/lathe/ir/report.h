#pragma once

#include <string>

#include "lathe/ir/graph.h"

/// The reports that MASE's labs print of a network.
namespace lathe::ir {

/// Prints the graph as torch.fx does: `%x : [num_users=1] = placeholder[target=x]`, a line per node.
std::string fx_text(const Graph& graph);

/// Prints fx_text, then `Network overview:` with the numbers of fx node kinds, then `Layer types:` with the modules.
std::string graph_report(const Graph& graph);

/// Prints the network as PyTorch prints modules, nested by module path; formats stand behind quantised layers.
std::string module_text(const Graph& graph);

/// Counts the trainable values.
std::int64_t trainable_parameters(const Graph& graph);

}  // namespace lathe::ir
