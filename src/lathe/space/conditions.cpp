#include "lathe/space/conditions.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/base/check.h"
#include "lathe/base/error.h"

namespace lathe::space {
namespace {

constexpr std::int64_t kMostValues = 4096;  // of a parent; parameter::Space holds one bit for each

std::size_t find_parent(const std::vector<Leaf>& leaves, const Leaf& leaf) {
  const std::string& text = leaf.when->key->as_string();
  const auto [node, key] = split_key(text);
  if (const auto parent = find_leaf(leaves, node.empty() ? leaf.node : node, key)) return *parent;
  std::vector<std::string> known;
  for (const Leaf& other : leaves) {
    if (!node.empty()) known.push_back(other.name());
    if (node.empty() && other.node == leaf.node && other.key != leaf.key) known.push_back(other.key);
  }
  leaf.when->key->fail(fmt::format("{} has no choices called \"{}\"{}", node.empty() ? leaf.node : "this space", text,
                                   suggestion(text, known)));
}

LeafCondition read_condition(const std::vector<Leaf>& leaves, const Leaf& leaf) {
  LeafCondition condition{.parent = find_parent(leaves, leaf), .active = {}};
  const Leaf& parent = leaves[condition.parent];
  const auto size = parameter::size(parent.distribution);
  if (!size) {
    leaf.when->key->fail(fmt::format("{} is continuous ({}); a condition needs a list, integers or a step",
                                     parent.name(), to_text(parent.distribution)));
  }
  if (*size > kMostValues) {
    leaf.when->key->fail(
        fmt::format("{} has {} values; a condition may look at {} at most", parent.name(), *size, kMostValues));
  }
  check_values(*leaf.when, parent);
  for (std::int64_t code = 0; code < *size; ++code) {
    const Scalar value = parameter::choice(parent.distribution, static_cast<double>(code));
    condition.active.push_back(std::any_of(leaf.when->is.begin(), leaf.when->is.end(),
                                           [&](const Scalar& wanted) { return parameter::same_value(value, wanted); }));
  }
  return condition;
}

/// Puts parents first, else keeps the order.
class Ordering {
 public:
  Ordering(const std::vector<Leaf>& leaves, const Decisions& decisions)
      : leaves_(leaves), decisions_(decisions), marks_(decisions.groups.size(), Mark::kNew) {}

  std::vector<std::size_t> order() {
    for (std::size_t group = 0; group < marks_.size(); ++group) visit(group);
    return std::move(order_);
  }

 private:
  enum class Mark { kNew, kOpen, kDone };

  void visit(std::size_t group) {
    if (marks_[group] == Mark::kDone) return;
    marks_[group] = Mark::kOpen;
    for (const std::size_t leaf : decisions_.groups[group]) {
      if (!decisions_.conditions[leaf]) continue;
      path_.push_back(leaf);
      const std::size_t parent = decisions_.group_of[decisions_.conditions[leaf]->parent];
      if (marks_[parent] == Mark::kOpen) fail_for_circle(parent);
      visit(parent);
      path_.pop_back();
    }
    marks_[group] = Mark::kDone;
    order_.push_back(group);
  }

  [[noreturn]] void fail_for_circle(std::size_t first_group) const {
    const auto first = std::find_if(path_.begin(), path_.end(),
                                    [&](std::size_t leaf) { return decisions_.group_of[leaf] == first_group; });
    std::string text;
    for (auto leaf = first; leaf != path_.end(); ++leaf) {
      const std::size_t parent = decisions_.conditions[*leaf]->parent;
      text += fmt::format("{}{} upon {}", text.empty() ? "" : ", ", leaves_[*leaf].name(), leaves_[parent].name());
    }
    leaves_[*first].when->key->fail("the conditions form a circle: " + text);
  }

  const std::vector<Leaf>& leaves_;
  const Decisions& decisions_;
  std::vector<Mark> marks_;
  std::vector<std::size_t> path_;  ///< leaves that wait for their parents
  std::vector<std::size_t> order_;
};

void note_groups(Decisions& decisions) {
  for (std::size_t group = 0; group < decisions.groups.size(); ++group) {
    for (const std::size_t leaf : decisions.groups[group]) decisions.group_of[leaf] = group;
  }
}

void order_groups(const std::vector<Leaf>& leaves, Decisions& decisions) {
  std::vector<std::vector<std::size_t>> ordered;
  for (const std::size_t group : Ordering(leaves, decisions).order()) ordered.push_back(decisions.groups[group]);
  decisions.groups = std::move(ordered);
  note_groups(decisions);
}

/// Returns the condition of a leaf upon a dimension. A parent with a single choice is there whenever its own condition
/// holds.
std::optional<parameter::Condition> condition_upon_dimension(const Decisions& decisions, std::size_t leaf) {
  const auto& condition = decisions.conditions[leaf];
  if (!condition) return std::nullopt;
  const auto dimension = decisions.dimension_of[condition->parent];
  if (!dimension) return decisions.when[condition->parent];
  return parameter::Condition{*dimension, condition->active};
}

std::string text_of(const Leaf& leaf) {
  if (!leaf.when) return fmt::format("{} has none", leaf.name());
  std::string values;
  for (const Scalar& value : leaf.when->is) values += (values.empty() ? "" : ", ") + to_string(value);
  return fmt::format("{} needs {} = {}", leaf.name(), leaf.when->key->as_string(), values);
}

void check_equal_conditions(const std::vector<Leaf>& leaves, const Decisions& decisions,
                            const std::vector<std::size_t>& group) {
  for (const std::size_t leaf : group) {
    if (decisions.when[leaf] == decisions.when[group.front()]) continue;
    const Leaf& culprit = leaves[leaf].when ? leaves[leaf] : leaves[group.front()];
    culprit.source->fail(fmt::format("keys that decide together must have one condition: {}, {}",
                                     text_of(leaves[group.front()]), text_of(leaves[leaf])));
  }
}

void number_dimensions(const std::vector<Leaf>& leaves, Decisions& decisions) {
  std::size_t dimensions = 0;
  for (const auto& group : decisions.groups) {
    for (const std::size_t leaf : group) decisions.when[leaf] = condition_upon_dimension(decisions, leaf);
    if (leaves[group.front()].constant()) continue;
    for (const std::size_t leaf : group) decisions.dimension_of[leaf] = dimensions;
    ++dimensions;
    check_equal_conditions(leaves, decisions, group);
  }
}

}  // namespace

Decisions decide(const std::vector<Leaf>& leaves, std::vector<std::vector<std::size_t>> groups) {
  Decisions decisions{.groups = std::move(groups),
                      .conditions = {},
                      .group_of = std::vector<std::size_t>(leaves.size()),
                      .dimension_of = std::vector<std::optional<std::size_t>>(leaves.size()),
                      .when = std::vector<std::optional<parameter::Condition>>(leaves.size())};
  note_groups(decisions);
  for (const Leaf& leaf : leaves) {
    decisions.conditions.push_back(leaf.when ? std::optional(read_condition(leaves, leaf)) : std::nullopt);
  }
  order_groups(leaves, decisions);
  number_dimensions(leaves, decisions);
  return decisions;
}

}  // namespace lathe::space
