#include "lathe/space/choices.h"

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/space/pipeline.h"

namespace lathe::space {
namespace {

constexpr std::size_t kMostChecked = 33;  // values of a range

std::vector<double> codes_to_check(const parameter::Distribution& distribution) {
  if (parameter::is_numeric(distribution)) return sample_codes(distribution, kMostChecked);
  return sample_codes(distribution, std::max<std::size_t>(2, static_cast<std::size_t>(*parameter::size(distribution))));
}

/// Walks through the choices of a space, one decision at a time.
class ChoiceCheck {
 public:
  ChoiceCheck(const ir::Graph& base, const std::vector<Leaf>& leaves, const Decisions& decisions)
      : base_(base), leaves_(leaves), decisions_(decisions) {
    for (const Leaf& leaf : leaves) first_.push_back(sample_codes(leaf.distribution, 2).front());
    codes_ = first_;
  }

  /// Checks the nodes of a group where its value has the code `code`.
  void check(const std::vector<std::size_t>& group, double code) {
    for (const std::size_t index : group) activate(index);
    for (const std::size_t index : group) codes_[index] = code;
    for (const std::size_t index : group) check_node(index);
    codes_ = first_;
  }

 private:
  /// Sets what a leaf depends on to the first value that lets it be.
  void activate(std::size_t index) {
    const auto& condition = decisions_.conditions[index];
    if (!condition) return;
    const auto first = std::find(condition->active.begin(), condition->active.end(), true);
    const auto code = static_cast<double>(first - condition->active.begin());
    for (const std::size_t member : decisions_.groups[decisions_.group_of[condition->parent]]) codes_[member] = code;
    activate(condition->parent);
  }

  bool is_active(std::size_t index) const {
    const auto& condition = decisions_.conditions[index];
    if (!condition) return true;
    return condition->active[static_cast<std::size_t>(codes_[condition->parent])] && is_active(condition->parent);
  }

  /// Returns the place of the chosen value; of the whole list where `default` left choices out, and of a range.
  const config::Value& place_of(std::size_t index) const {
    const Leaf& leaf = leaves_[index];
    const config::Value* list = choice_list(*leaf.source);
    if (list == nullptr) return *leaf.source;
    const auto size = static_cast<std::int64_t>(list->as_array().size());
    const bool complete = parameter::size(leaf.distribution) == size;
    return complete ? list->as_array()[static_cast<std::size_t>(codes_[index])] : *list;
  }

  model::NodeConfig read_node(const std::string& node) const {
    std::vector<model::NodeKey> keys;
    for (std::size_t i = 0; i < leaves_.size(); ++i) {
      if (leaves_[i].node != node || !is_active(i)) continue;
      const config::Value& place = place_of(i);
      keys.push_back(
          {leaves_[i].key, parameter::choice(leaves_[i].distribution, codes_[i]), place.position(), place.key()});
    }
    return model::parse_node_config(keys);
  }

  void check_node(std::size_t culprit) const {
    const std::string& node = leaves_[culprit].node;
    if (node == kTraining) return;
    model::NodeConfig config = read_node(node);
    if (config.channels) config.channels->input_multiplier = std::nullopt;
    try {
      apply_pipeline(base_, {{node, config}});
    } catch (const UserError& error) {
      const config::Value& place = place_of(culprit);
      throw UserError(place.position(), place.key(), error.what());
    }
  }

  const ir::Graph& base_;
  const std::vector<Leaf>& leaves_;
  const Decisions& decisions_;
  std::vector<double> first_;  ///< [leaves] code of the first value
  std::vector<double> codes_;  ///< [leaves]
};

}  // namespace

void check_choices(const ir::Graph& base, const std::vector<Leaf>& leaves, const Decisions& decisions) {
  ChoiceCheck walk(base, leaves, decisions);
  for (const bool ranges : {true, false}) {  // ranges first: a bad end is not to be blamed on the quantiser's name
    for (const auto& group : decisions.groups) {
      const parameter::Distribution& distribution = leaves[group.front()].distribution;
      if (parameter::is_numeric(distribution) != ranges) continue;
      for (const double code : codes_to_check(distribution)) walk.check(group, code);
    }
  }
}

}  // namespace lathe::space
