#pragma once

#include "lathe/engine/state.h"

namespace lathe::engine {

/// Returns a state of the graph's names and shapes without values: it takes no memory, however large the network is.
State state_layout(const ir::Graph& graph);

}  // namespace lathe::engine
