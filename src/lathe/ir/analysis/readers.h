#pragma once

#include <vector>

#include "lathe/ir/graph.h"

namespace lathe::ir {

/// Tells of each node whether another one reads it.
std::vector<bool> read_nodes(const Graph& graph);

}  // namespace lathe::ir
