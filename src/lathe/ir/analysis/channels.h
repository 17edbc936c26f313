#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "lathe/ir/graph.h"

namespace lathe::ir {

/// Holds nodes whose outputs have one and the same number of channels, whatever that number is.
struct ChannelGroup {
  std::vector<std::size_t> producers;   ///< the nodes that set the width (linear); empty when the input sets it
  std::vector<std::size_t> members;     ///< all nodes whose output has this width, in graph order
  std::optional<std::size_t> fixed_by;  ///< the input or output node that forbids another width
};

/// Holds the groups of a graph, in the order of their first members.
struct ChannelGroups {
  std::vector<ChannelGroup> groups;
  std::vector<std::size_t> group_of;  ///< [nodes] index into groups, of the node's output

  const ChannelGroup& of(std::size_t node) const { return groups[group_of[node]]; }
};

/// Finds which widths depend on which, from the channel rules of the op declarations alone. A node with several inputs
/// and a preserving rule (a residual sum) ties its producers together.
ChannelGroups channel_groups(const Graph& graph);

/// Returns the node that sets the width which `node` reads: a producer or the input. With several producers the last.
std::size_t input_producer(const Graph& graph, const ChannelGroups& groups, std::size_t node);

}  // namespace lathe::ir
