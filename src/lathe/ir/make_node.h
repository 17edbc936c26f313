#pragma once

#include <string>
#include <vector>

#include "lathe/ir/op.h"

namespace lathe::ir {

/// Makes a node that may be appended to `graph`: attributes completed and checked, shape and parameters inferred; name
/// and module path are left empty. `inputs` empty: the last node. Throws UserError with the reason (the caller adds the
/// node's name): unknown op or attribute (nearest shown), wrong type, impossible shape.
Node make_node(const Graph& graph, const std::string& op_name, const std::vector<Attribute>& attributes,
               std::vector<std::size_t> inputs);

/// Re-derives shape and parameters of a node of `graph` whose inputs are up to date. Throws UserError naming the node.
void infer_node(const Graph& graph, Node& node);

}  // namespace lathe::ir
