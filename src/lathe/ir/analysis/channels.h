#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "lathe/ir/graph.h"
#include "lathe/ir/op.h"

namespace lathe::ir {

/// Returns the rule that holds for a node, by its attributes: a depthwise convolution follows its input.
ChannelRule channel_rule(const Node& node);

/// Tells whether a node sets a width of its own (linear, convolutions that are not depthwise, embedding).
bool sets_width(const Node& node);

/// Returns the dimension of a node's per-sample output that counts its channels: 0 of [channels, height, width], 1 of
/// [tokens, features]. The network's input has them where its first reader with an opinion expects them.
std::size_t channel_axis(const Graph& graph, std::size_t node);

/// Returns how many channels the output of a node has: 512 of [512, 4, 4] as of [512].
std::int64_t width_of(const Graph& graph, std::size_t node);

/// Returns the width that an op finds in an input of this shape: what its `input_width_attribute` must say.
std::int64_t width_read(const OpDeclaration& op, const Shape& input);

/// Says why a width may not change.
enum class WidthLock {
  kNone,
  kInput,      ///< tied to the network's input
  kOutput,     ///< the network's result
  kPositions,  ///< read by an op that mixes channels and positions: reshape, permute, matmul
  kOrder,      ///< tied by a sum to values whose channels stand in another order or number
};

/// Holds channels that are always there together: those that one layer makes, with those of layers that are tied to it.
struct ChannelGroup {
  std::int64_t width = 0;
  std::vector<std::size_t> producers = {};  ///< the nodes that set the width; empty when the input or a reshape sets it
  std::vector<std::size_t> members = {};    ///< all nodes whose output has channels of this group, in graph order
  std::optional<std::size_t> fixed_by = std::nullopt;  ///< the node that forbids another width
  WidthLock lock = WidthLock::kNone;                   ///< why it does
};

/// Holds a run of channels of a node's output: every channel of a group, `repeat` times each (after a flatten: its
/// height x width values; behind a depthwise convolution: its multiplier).
struct ChannelPart {
  std::size_t group = 0;
  std::int64_t repeat = 1;
  bool operator==(const ChannelPart&) const = default;
};

/// Says what the channels of a node's output are, in order: the parts one after the other (concat has several), and
/// all that `tiles` times (after a flatten of [tokens, features]: tokens).
struct ChannelLayout {
  std::vector<ChannelPart> parts;
  std::int64_t tiles = 1;
  bool operator==(const ChannelLayout&) const = default;
};

/// Holds the groups of a graph, in the order of their first members.
struct ChannelGroups {
  std::vector<ChannelGroup> groups;
  std::vector<ChannelLayout> layouts;  ///< [nodes] of the node's output

  /// Returns the group of a node that sets a width.
  std::size_t group_of(std::size_t node) const { return layouts[node].parts.front().group; }
};

/// Finds which widths depend on which, from the channel rules of the op declarations alone. A node with several inputs
/// and a preserving rule (a sum, a product, attention) ties its producers together; where their channels do not
/// correspond one to one, all widths concerned are locked.
ChannelGroups channel_groups(const Graph& graph);

/// Returns how many channels a layout counts, given the width of every group.
std::int64_t layout_width(const ChannelLayout& layout, const std::vector<std::int64_t>& group_widths);

/// Returns the node that sets the width which `node` reads: a producer or the input; the node that joins them where
/// there are several. With several producers the last.
std::size_t input_producer(const Graph& graph, const ChannelGroups& groups, std::size_t node);

}  // namespace lathe::ir
