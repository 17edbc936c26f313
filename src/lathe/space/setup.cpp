#include "lathe/space/setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/config/field.h"
#include "lathe/space/width_ties.h"

namespace lathe::space {
namespace {

By read_by(const config::Value& value) {
  config::detail::check_choice(value, {"name", "type"});
  return value.as_string() == "type" ? By::kType : By::kName;
}

/// Reads a list of lists of at least two names; one list of names is taken as a list of one.
std::vector<const config::Value*> read_lists(const config::Value& value, const char* example) {
  std::vector<const config::Value*> lists;
  const auto& elements = value.as_array();
  const bool flat = !elements.empty() && std::all_of(elements.begin(), elements.end(),
                                                     [](const config::Value& element) { return element.is_string(); });
  if (flat) return {&value};
  for (const config::Value& element : elements) {
    if (!element.is_array()) element.fail(fmt::format("expected a list of names, as in {}", example));
    lists.push_back(&element);
  }
  return lists;
}

void check_names(const config::Value& list, const char* example) {
  for (const config::Value& name : list.as_array()) name.as_string();
  if (list.as_array().size() < 2) list.fail(fmt::format("needs at least two names, as in {}", example));
}

constexpr const char* kTieExample = "tie = [[\"seq_blocks_2\", \"seq_blocks_4\"]]";
constexpr const char* kZipExample = "zip = [[\"data_in_width\", \"data_in_frac_width\"]]";

/// Joins leaves into groups (union by the smaller index).
class Groups {
 public:
  explicit Groups(std::size_t count) : parent_(count) { std::iota(parent_.begin(), parent_.end(), std::size_t{0}); }

  void join(std::size_t left, std::size_t right) {
    left = root(left);
    right = root(right);
    parent_[std::max(left, right)] = std::min(left, right);
  }

  std::vector<std::vector<std::size_t>> lists() const {
    std::map<std::size_t, std::vector<std::size_t>> by_root;
    for (std::size_t i = 0; i < parent_.size(); ++i) by_root[root(i)].push_back(i);
    std::vector<std::vector<std::size_t>> lists;
    for (auto& [first, members] : by_root) lists.push_back(std::move(members));
    return lists;
  }

 private:
  std::size_t root(std::size_t index) const {
    while (parent_[index] != index) index = parent_[index];
    return index;
  }
  std::vector<std::size_t> parent_;
};

std::vector<std::string> node_names_of(const std::vector<Leaf>& leaves) {
  std::vector<std::string> names;
  for (const Leaf& leaf : leaves) {
    if (std::find(names.begin(), names.end(), leaf.node) == names.end()) names.push_back(leaf.node);
  }
  return names;
}

/// Joins two leaves of one key. A key with a single choice on both sides is no decision and may differ.
void tie_leaves(const config::Value& list, const std::vector<Leaf>& leaves, std::size_t first, std::size_t second,
                Groups& groups) {
  const Leaf& left = leaves[first];
  const Leaf& right = leaves[second];
  if (left.constant() && right.constant()) return;
  if (left.distribution != right.distribution) {
    list.fail(fmt::format("the choices of {} differ: {} for {} and {} for {}", left.key, to_text(left.distribution),
                          left.node, to_text(right.distribution), right.node));
  }
  groups.join(first, second);
}

void apply_tie(const config::Value& list, const std::vector<Leaf>& leaves, Groups& groups) {
  check_names(list, kTieExample);
  const std::vector<std::string> known = node_names_of(leaves);
  const std::string& first_node = list.as_array().front().as_string();
  for (const config::Value& name : list.as_array()) {
    const std::string& node = name.as_string();
    if (std::find(known.begin(), known.end(), node) == known.end()) {
      name.fail(fmt::format("\"{}\" has no choices to tie{}", node, suggestion(node, known)));
    }
    if (node == first_node) continue;
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      if (leaves[i].node != first_node) continue;
      if (const auto other = find_leaf(leaves, node, leaves[i].key)) tie_leaves(list, leaves, i, *other, groups);
    }
  }
}

void zip_leaves(const config::Value& list, const std::vector<Leaf>& leaves, const std::vector<std::size_t>& members,
                Groups& groups) {
  const Leaf& first = leaves[members.front()];
  for (const std::size_t member : members) {
    const Leaf& leaf = leaves[member];
    if (parameter::is_numeric(leaf.distribution)) {
      list.fail(fmt::format("only lists move together; {} is the range {}", leaf.name(), to_text(leaf.distribution)));
    }
    if (parameter::size(leaf.distribution) != parameter::size(first.distribution)) {
      list.fail(fmt::format("lists that move together must have one length: {} has {} choices, {} has {}", first.name(),
                            *parameter::size(first.distribution), leaf.name(), *parameter::size(leaf.distribution)));
    }
    groups.join(members.front(), member);
  }
}

/// Applies bare keys within every node that has them all.
void zip_within_nodes(const config::Value& list, const std::vector<Leaf>& leaves, Groups& groups) {
  bool found = false;
  for (const std::string& node : node_names_of(leaves)) {
    std::vector<std::size_t> members;
    for (const config::Value& key : list.as_array()) {
      if (const auto leaf = find_leaf(leaves, node, key.as_string())) members.push_back(*leaf);
    }
    if (members.size() != list.as_array().size()) continue;
    found = true;
    zip_leaves(list, leaves, members, groups);
  }
  if (!found) list.fail("no node has all of these keys");
}

void apply_zip(const config::Value& list, const std::vector<Leaf>& leaves, Groups& groups) {
  check_names(list, kZipExample);
  const auto& keys = list.as_array();
  const auto bare = [](const config::Value& key) { return split_key(key.as_string()).first.empty(); };
  if (std::all_of(keys.begin(), keys.end(), bare)) return zip_within_nodes(list, leaves, groups);
  const std::vector<std::string> known = leaf_names(leaves);
  std::vector<std::size_t> members;
  for (const config::Value& key : keys) {
    const auto [node, name] = split_key(key.as_string());
    const auto leaf = find_leaf(leaves, node, name);
    if (!leaf)
      key.fail(fmt::format("no choices are called \"{}\"{}", key.as_string(), suggestion(key.as_string(), known)));
    members.push_back(*leaf);
  }
  zip_leaves(list, leaves, members, groups);
}

}  // namespace

Setup read_setup(const config::Value* table, const ir::Graph& base) {
  Setup setup;
  if (table == nullptr) return setup;
  static const std::vector<std::string> known{"by", "tie", "zip", "model_parallel"};
  for (const config::Member& member : table->as_table()) {
    if (member.name == "by") {
      setup.by = read_by(member.value);
    } else if (member.name == "tie") {
      setup.ties = read_lists(member.value, kTieExample);
    } else if (member.name == "zip") {
      setup.zips = read_lists(member.value, kZipExample);
    } else if (member.name == "model_parallel") {
      log::warning("{} has no effect on {}: the networks of this search fit one device", member.value.key(), base.name);
    } else {
      config::unknown_key(member, known);
    }
  }
  return setup;
}

std::vector<std::vector<std::size_t>> group_leaves(const std::vector<Leaf>& leaves, const Setup& setup,
                                                   const ir::Graph& base) {
  Groups groups(leaves.size());
  for (const config::Value* list : setup.zips) apply_zip(*list, leaves, groups);
  for (const config::Value* list : setup.ties) apply_tie(*list, leaves, groups);
  for (const auto& [first, second] : width_ties(base, leaves)) groups.join(first, second);
  return groups.lists();
}

}  // namespace lathe::space
