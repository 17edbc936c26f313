#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lathe/config/value.h"
#include "lathe/ir/graph.h"
#include "lathe/parameter/space.h"
#include "lathe/space/training.h"

namespace lathe::space {

using parameter::Assignment;
using parameter::to_string;

/// Ties one key of one node to a dimension: code k of the dimension sets the key to the value of code k.
struct Entry {
  std::string node;  ///< node name, or kTraining
  std::string key;   ///< `channel_multiplier`
  parameter::Distribution distribution;
  Scalar value(double code) const { return parameter::choice(distribution, code); }
  bool operator==(const Entry&) const = default;
};

/// Holds one decision of the sampler. Usually one entry; `tie` and `zip` join several.
struct Dimension {
  std::string name;  ///< `seq_blocks_2/config/channel_multiplier`, `training/learning_rate`; of the first of several
  std::vector<Entry> entries;
  /// Returns the number of values; nullopt where it is continuous.
  std::optional<std::int64_t> size() const { return parameter::size(entries.front().distribution); }
  /// Names a value for storage and tables: the value itself, or `8/4` where entries differ.
  Scalar choice(double code) const;
};

/// Holds the values of one candidate: node -> key -> value, the nodes of the graph only, in graph order, then kTraining
/// where hyperparameters are chosen. Keys whose conditions do not hold are not there.
using SampledConfig = std::vector<std::pair<std::string, std::vector<std::pair<std::string, Scalar>>>>;

/// Holds a candidate: the network that an assignment stands for and how it is trained.
struct Candidate {
  Assignment assignment;
  ir::Graph graph;                ///< verified
  SampledConfig config;           ///< what was chosen, best.json's sampled_config
  TrainingChoices training = {};  ///< the part of `config` that the runner is told
};

/// Says where the value of one key comes from.
struct Key {
  std::string name;
  parameter::Distribution distribution;
  std::optional<std::size_t> dimension;           ///< none: there is one value
  std::optional<parameter::Condition> condition;  ///< upon a dimension; none: the key is always there
};

/// Holds a search space over a base graph. A value; decoding never changes it and is thread safe.
class SearchSpace {
 public:
  const ir::Graph& base() const { return base_; }
  /// Lists the decisions with at least two choices, in the order of the file (but what others depend on before them);
  /// single choices are no decisions.
  const std::vector<Dimension>& dimensions() const { return dimensions_; }
  /// Returns the decisions as samplers and databases see them: one parameter per dimension.
  const parameter::Space& parameters() const { return parameters_; }
  /// Counts the assignments; nullopt when a decision is continuous or there are more than 2^62.
  std::optional<std::int64_t> size() const;
  /// Prints the size: `36`, `more than 2^62`, `infinitely many`.
  std::string size_text() const;
  /// Returns the values of an assignment without making its network.
  SampledConfig sample(const Assignment& assignment) const;
  /// Makes the network of an assignment: passes on a copy of the base graph (scale_channels, quantize, verify). Throws
  /// UserError naming node and key when the assignment describes an impossible network.
  Candidate decode(const Assignment& assignment) const;
  /// Finds the assignment whose decoded values equal a sampled_config; nullopt when there is none.
  std::optional<Assignment> find(const SampledConfig& config) const;

  /// Lists the hyperparameters that are chosen, single choices included.
  const std::vector<Key>& training() const { return training_; }
  /// Returns `[search.search_space.training]` as the file has it, for errors; nullopt when it is absent.
  const std::optional<config::Value>& training_table() const { return training_table_; }

 private:
  friend SearchSpace parse_space(const config::Value& root, const ir::Graph& base);

  struct Node {
    std::string name;
    std::vector<Key> keys;  ///< in the order of the file
  };

  bool is_there(const Key& key, const Assignment& assignment) const;
  TrainingChoices sample(const std::vector<Key>& keys, const Assignment& assignment) const;
  bool agrees(const std::string& node, const std::vector<Key>& keys, const Assignment& assignment,
              const SampledConfig& config) const;

  ir::Graph base_;
  std::vector<Dimension> dimensions_;
  parameter::Space parameters_;
  std::vector<Node> nodes_;  ///< in graph order
  std::vector<Key> training_;
  std::optional<config::Value> training_table_;
};

/// Reads `[search.search_space]` of a study file (MASE's layout, see docs). Throws UserError with position for unknown
/// spaces, nodes (nearest shown), keys, empty lists, malformed ranges and conditions; an entry for an op type under
/// by = "name" is a warning.
SearchSpace parse_space(const config::Value& root, const ir::Graph& base);

}  // namespace lathe::space
