#pragma once

#include <cstdint>
#include <vector>

#include "lathe/engine/inherit.h"
#include "lathe/ir/analysis/channels.h"

namespace lathe::engine {

/// Names per channel of the candidate the base network's channel that it continues; kNewChannel: none.
using ChannelMap = std::vector<std::int64_t>;

inline constexpr std::int64_t kNewChannel = -1;

/// Holds where the channels of a candidate come from.
struct ChannelMaps {
  ir::ChannelGroups base;            ///< the groups of the base network
  std::vector<ChannelMap> of_group;  ///< [groups]
};

/// Returns the place of every node's first tensor in a graph's state: [nodes].
std::vector<std::size_t> first_tensors(const ir::Graph& graph);

/// Chooses the channels of every group by the rules of transfer_weights (inherit.h).
ChannelMaps choose_channels(const ir::Graph& base, const State& trained, const ir::Graph& candidate,
                            WeightPolicy policy);

/// Returns the map of what a layout of the base network counts: planes of a flatten, parts of a concatenation.
ChannelMap expanded(const ChannelMaps& maps, const ir::ChannelLayout& layout);

/// Counts how often a map names each of `channels` base channels.
std::vector<std::int64_t> copies_of(const ChannelMap& map, std::int64_t channels);

}  // namespace lathe::engine
