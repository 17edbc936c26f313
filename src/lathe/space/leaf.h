#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lathe/config/value.h"
#include "lathe/ir/graph.h"
#include "lathe/space/domain.h"

namespace lathe::space {

/// Says what the entries of `seed` are called by.
enum class By { kName, kType };

/// Takes the place of a node's name for the hyperparameters of training.
inline constexpr const char* kTraining = "training";

/// Prints `seq_blocks_2/config/channel_multiplier` or `training/learning_rate`.
std::string parameter_name(const std::string& node, const std::string& key);

/// Holds what one key of one node may be.
struct Leaf {
  std::string node;  ///< or kTraining
  std::string key;
  parameter::Distribution distribution;
  std::optional<When> when = {};
  const config::Value* source = nullptr;  ///< where it stands in the file

  std::string name() const { return parameter_name(node, key); }
  bool constant() const { return is_constant(distribution); }
};

/// Reads `[search.search_space.seed]`: one leaf per node and key, in the order of the file, but within a node lists
/// before tables (so that a file that was written anew, tables last, gives the same order); an entry for a type and
/// `default` give one per node that they apply to, in graph order. `default` applies to nodes without an entry of their
/// own, and only where its name is not NA: quantiser keys where the op can be quantised, channel keys where the op has
/// a width; conditions on values that the node never takes leave the key out. Throws UserError with position: unknown
/// nodes, types and keys (nearest shown), and what read_domain refuses.
std::vector<Leaf> read_leaves(const config::Value& seed, By by, const ir::Graph& base);

/// Returns the members of a table whose values are no tables, then the others.
std::vector<const config::Member*> lists_first(const config::Value& table);

/// Finds the leaf of a node's key.
std::optional<std::size_t> find_leaf(const std::vector<Leaf>& leaves, const std::string& node, const std::string& key);

/// Splits `node/config/key`, `node.config.key`, `node.key` or `training/key`; the node is empty for a bare key.
std::pair<std::string, std::string> split_key(const std::string& text);

/// Refuses values of a condition that the parent never takes, with the position of the value.
void check_values(const When& when, const Leaf& parent);

/// Lists the names of the leaves, for suggestions.
std::vector<std::string> leaf_names(const std::vector<Leaf>& leaves);

}  // namespace lathe::space
