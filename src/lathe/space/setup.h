#pragma once

#include <cstddef>
#include <vector>

#include "lathe/config/value.h"
#include "lathe/ir/graph.h"
#include "lathe/space/leaf.h"

namespace lathe::space {

/// Holds `[search.search_space.setup]`. The pointers lead into the file's value.
struct Setup {
  By by = By::kName;
  std::vector<const config::Value*> ties;  ///< lists of node names that decide together
  std::vector<const config::Value*> zips;  ///< lists of keys that move together
};

/// Reads the table (null: defaults). Throws UserError with position for unknown keys and malformed lists.
Setup read_setup(const config::Value* table, const ir::Graph& base);

/// Groups the leaves that share one decision, each group and the groups themselves in the order of the leaves. `tie`
/// joins the leaves of one key of the listed nodes, `zip` the listed keys (`node/config/key`, `node.key`, or bare keys,
/// which apply within each node that has them all); widths that a sum makes equal are tied without being asked (see
/// width_ties.h). Throws UserError with position where lists that are tied differ,
/// lists that are zipped differ in length, or nothing is found.
std::vector<std::vector<std::size_t>> group_leaves(const std::vector<Leaf>& leaves, const Setup& setup,
                                                   const ir::Graph& base);

}  // namespace lathe::space
