#pragma once

#include <cstddef>
#include <vector>

#include "lathe/ir/graph.h"
#include "lathe/space/leaf.h"

namespace lathe::space {

/// Checks every choice of every decision on its node alone, all other decisions at their first choices: a choice that
/// can never work is found when the file is read. `groups` are the leaves that decide together. Throws UserError with
/// the position of the choice. What depends on other nodes (a stated input multiplier) is left to decoding.
void check_choices(const ir::Graph& base, const std::vector<Leaf>& leaves,
                   const std::vector<std::vector<std::size_t>>& groups);

}  // namespace lathe::space
