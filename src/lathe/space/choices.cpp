#include "lathe/space/choices.h"

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/space/pipeline.h"

namespace lathe::space {
namespace {

/// Walks through the choices of a space, one decision at a time.
class ChoiceCheck {
 public:
  ChoiceCheck(const ir::Graph& base, const std::vector<Leaf>& leaves)
      : base_(base), leaves_(leaves), chosen_(leaves.size(), 0) {}

  /// Checks the nodes of a group at choice `choice`.
  void check(const std::vector<std::size_t>& group, std::size_t choice) {
    for (const std::size_t index : group) chosen_[index] = choice;
    for (const std::size_t index : group) check_node(index);
    for (const std::size_t index : group) chosen_[index] = 0;
  }

 private:
  /// Returns the place of the chosen value; of the whole list where `default` left choices out.
  const config::Value& place_of(std::size_t index) const {
    const config::Value& list = *leaves_[index].source;
    const bool complete = list.as_array().size() == leaves_[index].values.size();
    return complete ? list.as_array()[chosen_[index]] : list;
  }

  model::NodeConfig read_node(const std::string& node) const {
    std::vector<model::NodeKey> keys;
    for (std::size_t i = 0; i < leaves_.size(); ++i) {
      if (leaves_[i].node != node) continue;
      const config::Value& place = place_of(i);
      keys.push_back({leaves_[i].key, leaves_[i].values[chosen_[i]], place.position(), place.key()});
    }
    return model::parse_node_config(keys);
  }

  void check_node(std::size_t culprit) const {
    const std::string& node = leaves_[culprit].node;
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
  std::vector<std::size_t> chosen_;  ///< [leaves]
};

}  // namespace

void check_choices(const ir::Graph& base, const std::vector<Leaf>& leaves,
                   const std::vector<std::vector<std::size_t>>& groups) {
  ChoiceCheck walk(base, leaves);
  for (const auto& group : groups) {
    for (std::size_t choice = 0; choice < leaves[group.front()].values.size(); ++choice) walk.check(group, choice);
  }
}

}  // namespace lathe::space
