#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lathe/config/value.h"
#include "lathe/ir/graph.h"
#include "lathe/parameter/space.h"

namespace lathe::space {

/// Holds one value of a key; monostate is "NA".
using Scalar = parameter::Choice;
using parameter::Assignment;
using parameter::to_string;

/// Ties one key of one node to a dimension: choice k of the dimension sets the key to values[k].
struct Entry {
  std::string node;            ///< node name, or "default"
  std::string key;             ///< `channel_multiplier`
  std::vector<Scalar> values;  ///< as many as the dimension has choices
};

/// Holds one decision of the sampler. Usually one entry; `tie` and `zip` join several.
struct Dimension {
  std::string name;  ///< `seq_blocks_2/config/channel_multiplier`; of the first entry where several
  std::vector<Entry> entries;
  std::int64_t size() const { return static_cast<std::int64_t>(entries.front().values.size()); }
  /// Names choice k for storage and tables: the value itself, or `8/4` where entries differ.
  Scalar choice(std::int64_t index) const;
};

/// Holds the values of one candidate: node -> key -> value, the nodes of the graph only, in graph order.
using SampledConfig = std::vector<std::pair<std::string, std::vector<std::pair<std::string, Scalar>>>>;

/// Holds a candidate: the network that an assignment stands for.
struct Candidate {
  Assignment assignment;
  ir::Graph graph;       ///< verified
  SampledConfig config;  ///< what was chosen, best.json's sampled_config
};

/// Holds a search space over a base graph. A value; decoding never changes it and is thread safe.
class SearchSpace {
 public:
  const ir::Graph& base() const { return base_; }
  /// Lists the decisions with at least two choices, in the order of the file; single choices are no decisions.
  const std::vector<Dimension>& dimensions() const { return dimensions_; }
  /// Returns the decisions as samplers and databases see them: one parameter per dimension.
  const parameter::Space& parameters() const { return parameters_; }
  /// Multiplies the numbers of choices; nullopt when it does not fit 63 bits.
  std::optional<std::int64_t> size() const;
  /// Makes the network of an assignment: passes on a copy of the base graph (scale_channels, quantize, verify). Throws
  /// UserError naming node and key when the assignment describes an impossible network.
  Candidate decode(const Assignment& assignment) const;
  /// Finds the assignment whose decoded values equal a sampled_config; nullopt when there is none.
  std::optional<Assignment> find(const SampledConfig& config) const;

 private:
  friend SearchSpace parse_space(const config::Value& root, const ir::Graph& base);

  /// Says where the value of one key comes from.
  struct Key {
    std::string name;
    std::vector<Scalar> values;
    std::optional<std::size_t> dimension;  ///< none: there is one value
  };
  struct Node {
    std::string name;
    std::vector<Key> keys;  ///< in the order of the file
  };

  SampledConfig sample(const Assignment& assignment) const;

  ir::Graph base_;
  std::vector<Dimension> dimensions_;
  parameter::Space parameters_;
  std::vector<Node> nodes_;  ///< in graph order
};

/// Reads `[search.search_space]` of a study file (MASE's layout, see docs). Throws UserError with position for unknown
/// spaces, nodes (nearest shown), keys, empty lists; an entry for an op type under by = "name" is a warning.
SearchSpace parse_space(const config::Value& root, const ir::Graph& base);

}  // namespace lathe::space
