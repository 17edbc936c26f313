#include "lathe/ir/analysis/channels.h"

#include <numeric>

#include "lathe/base/check.h"
#include "lathe/ir/op.h"

namespace lathe::ir {
namespace {

/// Joins nodes into sets; the representative is the earliest node.
class DisjointSets {
 public:
  explicit DisjointSets(std::size_t count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), 0); }
  std::size_t find(std::size_t node) const {
    while (parent_[node] != node) node = parent_[node];
    return node;
  }
  void join(std::size_t left, std::size_t right) {
    left = find(left);
    right = find(right);
    parent_[std::max(left, right)] = std::min(left, right);
  }

 private:
  std::vector<std::size_t> parent_;
};

DisjointSets tie_widths(const Graph& graph) {
  DisjointSets sets(graph.nodes.size());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (op_of(graph.nodes[i]).channel_rule == ChannelRule::kProduces) continue;
    for (const std::size_t input : graph.nodes[i].inputs) sets.join(i, input);
  }
  return sets;
}

void add_member(ChannelGroup& group, const Graph& graph, std::size_t node) {
  const ChannelRule rule = op_of(graph.nodes[node]).channel_rule;
  group.members.push_back(node);
  if (rule == ChannelRule::kProduces) group.producers.push_back(node);
  if (rule == ChannelRule::kFixed) group.fixed_by = node;
}

}  // namespace

ChannelGroups channel_groups(const Graph& graph) {
  const DisjointSets sets = tie_widths(graph);
  ChannelGroups result;
  result.group_of.resize(graph.nodes.size());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const std::size_t first = sets.find(i);
    if (first == i) {
      result.group_of[i] = result.groups.size();
      result.groups.emplace_back();
    }
    result.group_of[i] = result.group_of[first];
    add_member(result.groups[result.group_of[i]], graph, i);
  }
  return result;
}

std::size_t input_producer(const Graph& graph, const ChannelGroups& groups, std::size_t node) {
  LATHE_CHECK(!graph.nodes[node].inputs.empty(), "node {} reads nothing", graph.nodes[node].name);
  const ChannelGroup& group = groups.of(graph.nodes[node].inputs.front());
  return group.producers.empty() ? group.members.front() : group.producers.back();
}

}  // namespace lathe::ir
