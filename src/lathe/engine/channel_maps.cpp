#include "lathe/engine/channel_maps.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace lathe::engine {
namespace {

/// Adds the L1 norms of a tensor's slices along `axis`.
void add_norms(const NamedTensor& tensor, std::size_t axis, std::vector<double>& norms) {
  const auto begin = tensor.shape.begin() + static_cast<std::ptrdiff_t>(axis) + 1;
  const auto inner = static_cast<std::size_t>(element_count(Shape(begin, tensor.shape.end())));
  for (std::size_t i = 0; i < tensor.values.size(); ++i)
    norms[i / inner % norms.size()] += std::abs(static_cast<double>(tensor.values[i]));
}

/// Tells whether a parameter's slices say how important a channel is: the weights, not biases and buffers.
bool measures_channels(const ir::Parameter& parameter) {
  return parameter.trainable && parameter.output_axis >= 0 && parameter.shape.size() > 1;
}

/// Returns the importance of every channel of a group: the L1 norms of the weights that make it.
std::vector<double> importance(const ir::Graph& base, const State& trained, const ir::ChannelGroup& group,
                               const std::vector<std::size_t>& first) {
  std::vector<double> norms(static_cast<std::size_t>(group.width));
  for (const std::size_t producer : group.producers) {
    const std::vector<ir::Parameter>& parameters = base.nodes[producer].parameters;
    for (std::size_t k = 0; k < parameters.size(); ++k)
      if (measures_channels(parameters[k]))
        add_norms(trained[first[producer] + k], static_cast<std::size_t>(parameters[k].output_axis), norms);
  }
  return norms;
}

/// Returns into how many equal blocks the channels of every group are divided: attention heads, groups of convolutions.
std::vector<std::int64_t> blocks_of_groups(const ir::Graph& base, const ir::ChannelGroups& groups) {
  std::vector<std::int64_t> blocks(groups.groups.size(), 1);
  const auto divide = [&](const ir::ChannelLayout& layout, std::int64_t count) {
    for (const ir::ChannelPart& part : layout.parts) blocks[part.group] = std::lcm(blocks[part.group], count);
  };
  for (std::size_t i = 0; i < base.nodes.size(); ++i) {
    const ir::OpDeclaration& op = ir::op_of(base.nodes[i]);
    const std::int64_t count = op.channel_blocks ? op.channel_blocks(base.nodes[i]) : 1;
    divide(groups.layouts[i], count);
    for (const std::size_t input : base.nodes[i].inputs) divide(groups.layouts[input], count);
  }
  return blocks;
}

std::int64_t candidate_width(const ir::Graph& base, const ir::Graph& candidate, const ir::ChannelGroup& group) {
  for (const std::size_t producer : group.producers)
    if (const auto index = candidate.find(base.nodes[producer].name)) return ir::width_of(candidate, *index);
  return group.width;
}

/// Returns the `count` most important of the channels [begin, end), in order; equal ones: the first.
ChannelMap most_important(const std::vector<double>& norms, std::int64_t begin, std::int64_t end, std::int64_t count) {
  ChannelMap channels(static_cast<std::size_t>(end - begin));
  std::iota(channels.begin(), channels.end(), begin);
  const auto norm = [&](std::int64_t channel) { return norms[static_cast<std::size_t>(channel)]; };
  std::stable_sort(channels.begin(), channels.end(),
                   [&](std::int64_t left, std::int64_t right) { return norm(left) > norm(right); });
  channels.resize(static_cast<std::size_t>(std::min(count, end - begin)));
  std::sort(channels.begin(), channels.end());
  return channels;
}

ChannelMap choose(const std::vector<double>& norms, std::int64_t width, std::int64_t blocks, WeightPolicy policy) {
  const auto before = static_cast<std::int64_t>(norms.size());
  if (before % blocks != 0 || width % blocks != 0) blocks = 1;
  const std::int64_t old_block = before / blocks;
  const std::int64_t new_block = width / blocks;
  ChannelMap map;
  for (std::int64_t begin = 0; begin < before; begin += old_block) {
    const ChannelMap kept = most_important(norms, begin, begin + old_block, new_block);
    map.insert(map.end(), kept.begin(), kept.end());
    for (std::int64_t k = old_block; k < new_block; ++k)
      map.push_back(policy == WeightPolicy::kNet2Wider ? begin + k % old_block : kNewChannel);
  }
  return map;
}

}  // namespace

std::vector<std::size_t> first_tensors(const ir::Graph& graph) {
  std::vector<std::size_t> first;
  std::size_t tensors = 0;
  for (const ir::Node& node : graph.nodes) {
    first.push_back(tensors);
    tensors += node.parameters.size();
  }
  return first;
}

ChannelMaps choose_channels(const ir::Graph& base, const State& trained, const ir::Graph& candidate,
                            WeightPolicy policy) {
  ChannelMaps maps{ir::channel_groups(base), {}};
  const std::vector<std::int64_t> blocks = blocks_of_groups(base, maps.base);
  const std::vector<std::size_t> first = first_tensors(base);
  for (std::size_t g = 0; g < maps.base.groups.size(); ++g) {
    const ir::ChannelGroup& group = maps.base.groups[g];
    maps.of_group.push_back(
        choose(importance(base, trained, group, first), candidate_width(base, candidate, group), blocks[g], policy));
  }
  return maps;
}

ChannelMap expanded(const ChannelMaps& maps, const ir::ChannelLayout& layout) {
  ChannelMap map;
  std::int64_t offset = 0;
  for (std::int64_t tile = 0; tile < layout.tiles; ++tile) {
    for (const ir::ChannelPart& part : layout.parts) {
      for (const std::int64_t channel : maps.of_group[part.group])
        for (std::int64_t k = 0; k < part.repeat; ++k)
          map.push_back(channel == kNewChannel ? kNewChannel : offset + channel * part.repeat + k);
      offset += part.repeat * maps.base.groups[part.group].width;
    }
  }
  return map;
}

std::vector<std::int64_t> copies_of(const ChannelMap& map, std::int64_t channels) {
  std::vector<std::int64_t> copies(static_cast<std::size_t>(channels));
  for (const std::int64_t channel : map)
    if (channel != kNewChannel) ++copies[static_cast<std::size_t>(channel)];
  return copies;
}

}  // namespace lathe::engine
