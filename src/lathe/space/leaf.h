#pragma once

#include <string>
#include <vector>

#include "lathe/config/value.h"
#include "lathe/ir/graph.h"
#include "lathe/space/space.h"

namespace lathe::space {

/// Says what the entries of `seed` are called by.
enum class By { kName, kType };

/// Holds one list of choices, for one node.
struct Leaf {
  std::string node;
  std::string key;
  std::vector<Scalar> values;
  const config::Value* source = nullptr;  ///< where it stands in the file

  /// Prints `seq_blocks_2/config/channel_multiplier`.
  std::string name() const { return node + "/config/" + key; }
};

/// Reads `[search.search_space.seed]`: one leaf per node and key, in the order of the file; an entry for a type and
/// `default` give one per node that they apply to, in graph order. `default` applies to nodes without an entry of their
/// own, and only where its name is not NA: quantiser keys where the op can be quantised, channel keys where the op has
/// a width. Throws UserError with position: unknown nodes, types and keys (nearest shown), what is no list of choices,
/// empty lists.
std::vector<Leaf> read_leaves(const config::Value& seed, By by, const ir::Graph& base);

/// Reads one choice; throws UserError with position for lists and tables.
Scalar read_scalar(const config::Value& value);

}  // namespace lathe::space
