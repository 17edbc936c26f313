#pragma once

#include "engine/workload.h"
#include "lathe/ir/graph.h"

namespace bench {

/// Makes lathe's graph of a network; quantised as `lathe search` does it, by the quantise pass: integers, every linear
/// layer's data, weights and bias, half of the bits behind the point.
lathe::ir::Graph make_graph(const Network& network);

}  // namespace bench
