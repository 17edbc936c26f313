#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "lathe/ir/graph.h"
#include "lathe/space/leaf.h"

namespace lathe::space {

/// Finds the output multipliers that must decide together because the outputs of their nodes meet in a sum, a product
/// or an attention and hence have one width (ir::channel_groups), with the keys that they are conditional upon: pairs
/// of leaves. Throws UserError with position, naming both nodes, where their choices differ. A tied node without
/// choices follows the others.
std::vector<std::pair<std::size_t, std::size_t>> width_ties(const ir::Graph& base, const std::vector<Leaf>& leaves);

}  // namespace lathe::space
