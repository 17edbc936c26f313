#include "lathe/ir/analysis/channels.h"

#include <algorithm>
#include <numeric>

#include "lathe/base/check.h"

namespace lathe::ir {
namespace {

/// Returns the dimension where an op looks for channels; nullopt: where its input has them.
std::optional<std::size_t> stated_axis(const OpDeclaration& op, std::size_t rank) {
  switch (op.channel_axis) {
    case ChannelAxis::kAsInput: return std::nullopt;
    case ChannelAxis::kFirst: return 0;
    case ChannelAxis::kLast: return rank - 1;
    case ChannelAxis::kByRank: return rank == 2 ? 1 : 0;
  }
  throw InternalError("unknown channel axis");
}

std::size_t axis_by_reader(const Graph& graph, std::size_t node) {
  const std::size_t rank = graph.nodes[node].output_shape.size();
  for (const std::size_t user : graph.users(node))
    if (const auto axis = stated_axis(op_of(graph.nodes[user]), rank)) return *axis;
  return rank == 2 ? 1 : 0;
}

/// Finds the channels of all nodes, in graph order. Groups are sets of nodes that begin one: a set is called by its
/// first node until the end.
class Analysis {
 public:
  explicit Analysis(const Graph& graph) : graph_(graph), parent_(graph.nodes.size()) {
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
      axes_.push_back(channel_axis(graph, i));
      layouts_.push_back(layout_of(i));
    }
  }

  ChannelGroups result() && {
    ChannelGroups result;
    number_groups(result);
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) add_node(i, result);
    for (const Lock& lock : locks_) {
      ChannelGroup& group = result.groups[number_[find(lock.start)]];
      group.fixed_by = lock.node;
      group.lock = lock.reason;
    }
    return result;
  }

 private:
  struct Lock {
    std::size_t start = 0;  ///< the node that begins the group
    std::size_t node = 0;
    WidthLock reason = WidthLock::kNone;
  };

  std::size_t find(std::size_t start) const {
    while (parent_[start] != start) start = parent_[start];
    return start;
  }
  void join(std::size_t left, std::size_t right) {
    left = find(left);
    right = find(right);
    parent_[std::max(left, right)] = std::min(left, right);
  }

  const Node& node(std::size_t index) const { return graph_.nodes[index]; }
  std::int64_t width(std::size_t index) const { return node(index).output_shape[axes_[index]]; }
  ChannelLayout own_group(std::size_t index) const { return {{{index, 1}}, 1}; }

  ChannelLayout layout_of(std::size_t index) {
    const ChannelRule rule = channel_rule(node(index));
    if (node(index).inputs.empty()) return locked_group(index, WidthLock::kInput);
    if (rule == ChannelRule::kBlocks || !finds_channels(index)) lock_inputs(index, WidthLock::kPositions);
    if (rule == ChannelRule::kProduces) return own_group(index);
    if (rule == ChannelRule::kBlocks || !finds_channels(index)) return locked_group(index, WidthLock::kPositions);
    if (rule == ChannelRule::kFixed) lock_inputs(index, WidthLock::kOutput);
    return rule == ChannelRule::kJoins ? joined(index) : passed_on(index);
  }

  /// Tells whether a node looks for channels where its inputs have them.
  bool finds_channels(std::size_t index) const {
    const std::vector<std::size_t>& inputs = node(index).inputs;
    return std::all_of(inputs.begin(), inputs.end(), [&](std::size_t input) {
      const auto stated = stated_axis(op_of(node(index)), node(input).output_shape.size());
      return axes_[input] == stated.value_or(axes_[inputs.front()]);
    });
  }

  void lock_layout(const ChannelLayout& layout, std::size_t by, WidthLock reason) {
    for (const ChannelPart& part : layout.parts) locks_.push_back({part.group, by, reason});
  }
  void lock_inputs(std::size_t index, WidthLock reason) {
    for (const std::size_t input : node(index).inputs) lock_layout(layouts_[input], index, reason);
  }
  ChannelLayout locked_group(std::size_t index, WidthLock reason) {
    locks_.push_back({index, index, reason});
    return own_group(index);
  }

  ChannelLayout joined(std::size_t index) {
    ChannelLayout layout;
    for (const std::size_t input : node(index).inputs) {
      const ChannelLayout& part = layouts_[input];
      if (part.tiles != 1) {
        lock_inputs(index, WidthLock::kOrder);
        return locked_group(index, WidthLock::kOrder);
      }
      layout.parts.insert(layout.parts.end(), part.parts.begin(), part.parts.end());
    }
    return layout;
  }

  ChannelLayout passed_on(std::size_t index) {
    const std::vector<std::size_t>& inputs = node(index).inputs;
    for (const std::size_t input : inputs)
      if (!tie(inputs.front(), input)) {
        lock_inputs(index, WidthLock::kOrder);
        return locked_group(index, WidthLock::kOrder);
      }
    return expanded(index);
  }

  /// Ties two values channel by channel; false when their channels do not correspond.
  bool tie(std::size_t left, std::size_t right) {
    const ChannelLayout& a = layouts_[left];
    const ChannelLayout& b = layouts_[right];
    if (a.tiles != b.tiles || a.parts.size() != b.parts.size()) return false;
    for (std::size_t i = 0; i < a.parts.size(); ++i)
      if (a.parts[i].repeat != b.parts[i].repeat || width(a.parts[i].group) != width(b.parts[i].group)) return false;
    for (std::size_t i = 0; i < a.parts.size(); ++i) join(a.parts[i].group, b.parts[i].group);
    return true;
  }

  /// Returns the input's channels as the node passes them on: one to one, as planes of a flatten, or several copies.
  ChannelLayout expanded(std::size_t index) {
    const std::size_t input = node(index).inputs.front();
    const Shape& shape = node(input).output_shape;
    ChannelLayout layout = layouts_[input];
    if (width(index) == width(input)) return layout;
    const bool flattens = node(index).output_shape == Shape{element_count(shape)};
    const bool multiplies = !op_of(node(index)).output_width_attribute.empty() && width(index) % width(input) == 0;
    if (!flattens && !multiplies) {
      lock_inputs(index, WidthLock::kPositions);
      return locked_group(index, WidthLock::kPositions);
    }
    const auto axis = shape.begin() + static_cast<std::ptrdiff_t>(axes_[input]);
    const std::int64_t copies = flattens ? element_count(Shape(axis + 1, shape.end())) : width(index) / width(input);
    if (flattens) layout.tiles *= element_count(Shape(shape.begin(), axis));
    for (ChannelPart& part : layout.parts) part.repeat *= copies;
    return layout;
  }

  void number_groups(ChannelGroups& result) {
    number_.resize(graph_.nodes.size());
    std::vector<bool> used(graph_.nodes.size());
    for (const ChannelLayout& layout : layouts_)
      for (const ChannelPart& part : layout.parts) used[find(part.group)] = true;
    for (std::size_t i = 0; i < used.size(); ++i) {
      if (!used[i]) continue;
      number_[i] = result.groups.size();
      result.groups.push_back({.width = width(i)});
    }
  }

  void add_node(std::size_t index, ChannelGroups& result) const {
    ChannelLayout layout = layouts_[index];
    for (ChannelPart& part : layout.parts) {
      part.group = number_[find(part.group)];
      std::vector<std::size_t>& members = result.groups[part.group].members;
      if (members.empty() || members.back() != index) members.push_back(index);
    }
    if (sets_width(node(index))) result.groups[layout.parts.front().group].producers.push_back(index);
    result.layouts.push_back(std::move(layout));
  }

  const Graph& graph_;
  std::vector<std::size_t> parent_;     ///< [nodes] of the set that a node begins
  std::vector<std::size_t> axes_;       ///< [nodes]
  std::vector<ChannelLayout> layouts_;  ///< [nodes] groups called by the node that begins them
  std::vector<Lock> locks_;
  std::vector<std::size_t> number_;  ///< [nodes] index of the group that a node begins
};

}  // namespace

ChannelRule channel_rule(const Node& node) {
  const OpDeclaration& op = op_of(node);
  return op.rule_of ? op.rule_of(node) : op.channel_rule;
}

bool sets_width(const Node& node) { return channel_rule(node) == ChannelRule::kProduces; }

std::size_t channel_axis(const Graph& graph, std::size_t node) {
  const Shape& shape = graph.nodes[node].output_shape;
  if (const auto axis = stated_axis(op_of(graph.nodes[node]), shape.size())) return *axis;
  if (graph.nodes[node].inputs.empty()) return axis_by_reader(graph, node);
  return std::min(channel_axis(graph, graph.nodes[node].inputs.front()), shape.size() - 1);
}

std::int64_t width_of(const Graph& graph, std::size_t node) {
  return graph.nodes[node].output_shape[channel_axis(graph, node)];
}

std::int64_t width_read(const OpDeclaration& op, const Shape& input) {
  return input[stated_axis(op, input.size()).value_or(0)];
}

ChannelGroups channel_groups(const Graph& graph) { return Analysis(graph).result(); }

std::int64_t layout_width(const ChannelLayout& layout, const std::vector<std::int64_t>& group_widths) {
  std::int64_t width = 0;
  for (const ChannelPart& part : layout.parts) width += part.repeat * group_widths[part.group];
  return width * layout.tiles;
}

std::size_t input_producer(const Graph& graph, const ChannelGroups& groups, std::size_t node) {
  LATHE_CHECK(!graph.nodes[node].inputs.empty(), "node {} reads nothing", graph.nodes[node].name);
  std::size_t read = graph.nodes[node].inputs.front();
  if (groups.layouts[read].parts.size() > 1) {
    const auto before = [&] { return graph.nodes[read].inputs.front(); };
    while (groups.layouts[before()] == groups.layouts[read]) read = before();
    return read;
  }
  const ChannelGroup& group = groups.groups[groups.group_of(read)];
  return group.producers.empty() ? group.members.front() : group.producers.back();
}

}  // namespace lathe::ir
