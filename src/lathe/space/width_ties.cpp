#include "lathe/space/width_ties.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "lathe/base/error.h"
#include "lathe/ir/analysis/channels.h"

namespace lathe::space {
namespace {

/// Tells whether a choice of a name or mode lets the node set its own width.
bool sets_width(const Scalar& choice) {
  return !std::holds_alternative<std::monostate>(choice) && choice != Scalar(std::string("input_only"));
}

/// Tells whether a node never sets its width: input_only, or left alone.
bool keeps_width(const std::vector<Leaf>& leaves, const std::string& node) {
  for (const char* key : {"mode", "channel_mode", "name"}) {
    const auto leaf = find_leaf(leaves, node, key);
    if (!leaf) continue;
    const auto& choices = std::get<parameter::Categorical>(leaves[*leaf].distribution).choices;
    return std::none_of(choices.begin(), choices.end(), sets_width);
  }
  return false;
}

std::optional<std::size_t> multiplier_leaf(const std::vector<Leaf>& leaves, const std::string& node) {
  if (const auto leaf = find_leaf(leaves, node, "channel_multiplier_out")) return leaf;
  return find_leaf(leaves, node, "channel_multiplier");
}

/// Collects the ties of one space.
class Collector {
 public:
  Collector(const ir::Graph& base, const std::vector<Leaf>& leaves) : base_(base), leaves_(leaves) {}

  void add(const ir::ChannelGroup& group) {
    std::optional<std::size_t> first;
    for (const std::size_t producer : group.producers) {
      const std::string& node = base_.nodes[producer].name;
      const auto leaf = keeps_width(leaves_, node) ? std::nullopt : multiplier_leaf(leaves_, node);
      if (leaf && first) tie(*first, *leaf);
      if (!first) first = leaf;
    }
  }
  std::vector<std::pair<std::size_t, std::size_t>> take() && { return std::move(ties_); }

 private:
  void tie(std::size_t first, std::size_t second) {
    const Leaf& left = leaves_[first];
    const Leaf& right = leaves_[second];
    if (left.distribution != right.distribution)
      right.source->fail(fmt::format(
          "the outputs of {} and {} are tied by a sum, a product or attention, so that they have one width and share "
          "one choice; their choices differ: {} for {} and {} for {}",
          left.node, right.node, to_text(left.distribution), left.node, to_text(right.distribution), right.node));
    note(first, second);
    for (auto parents = parents_of(left, right); parents && note(parents->first, parents->second);)
      parents = parents_of(leaves_[parents->first], leaves_[parents->second]);
  }

  /// Adds a tie; false when it is there already (conditions may form a circle, which is refused later).
  bool note(std::size_t first, std::size_t second) {
    const std::pair pair(first, second);
    if (std::find(ties_.begin(), ties_.end(), pair) != ties_.end()) return false;
    ties_.push_back(pair);
    return true;
  }

  /// Returns what two leaves are conditional upon, where each names the same key of its own node with equal choices.
  std::optional<std::pair<std::size_t, std::size_t>> parents_of(const Leaf& left, const Leaf& right) const {
    if (!left.when || !right.when || left.when->key->as_string() != right.when->key->as_string()) return std::nullopt;
    const auto first = find_leaf(leaves_, left.node, left.when->key->as_string());
    const auto second = find_leaf(leaves_, right.node, right.when->key->as_string());
    if (!first || !second || leaves_[*first].distribution != leaves_[*second].distribution) return std::nullopt;
    return std::pair(*first, *second);
  }

  const ir::Graph& base_;
  const std::vector<Leaf>& leaves_;
  std::vector<std::pair<std::size_t, std::size_t>> ties_;
};

}  // namespace

std::vector<std::pair<std::size_t, std::size_t>> width_ties(const ir::Graph& base, const std::vector<Leaf>& leaves) {
  Collector collector(base, leaves);
  for (const ir::ChannelGroup& group : ir::channel_groups(base).groups)
    if (group.producers.size() > 1) collector.add(group);
  return std::move(collector).take();
}

}  // namespace lathe::space
