#pragma once

#include <string>

#include "lathe/ir/graph.h"

namespace lathe::engine {

/// Returns the name of a node's tensor in a state: `seq_blocks.2.weight`; the node's own name where it has no module
/// path.
std::string tensor_name(const ir::Node& node, const ir::Parameter& parameter);

}  // namespace lathe::engine
