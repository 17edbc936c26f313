#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lathe/config/value.h"
#include "lathe/ir/graph.h"
#include "lathe/model/node_config.h"

namespace lathe::model {

/// Reads the table of a pass that acts on nodes, MASE's `[passes.quantize]`:
///   by = "type"            # or "name", "regex_name" (the whole name must match; the first match counts)
///   [passes.quantize.default.config]
///   name = "NA"            # nodes without an entry of their own; may be absent
///   [passes.quantize.linear.config]
///   name = "integer"
/// Returns what is asked of which node, in graph order. `default` and expressions act only where they can: quantisers
/// on ops that can be quantised, channel modes on layers with a width. Throws UserError with position: unknown keys,
/// nodes and ops (nearest shown), an expression that is none or matches nothing.
std::vector<std::pair<std::string, NodeConfig>> select_nodes(const config::Value& table, const ir::Graph& graph);

}  // namespace lathe::model
