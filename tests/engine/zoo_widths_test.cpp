#include <gtest/gtest.h>

#include <algorithm>

#include "lathe/engine/inherit.h"
#include "lathe/ir/analysis/channels.h"
#include "lathe/ir/passes/scale_channels.h"
#include "lathe/model/zoo.h"

/// The widths of every network of the zoo, and the weights of what comes of them.
namespace lathe::engine {
namespace {

ir::Graph scaled(const ir::Graph& base, double multiplier) {
  ir::ScaleChannelsSettings settings;
  for (const ir::ChannelGroup& group : ir::channel_groups(base).groups)
    if (!group.producers.empty() && !group.fixed_by)
      settings.nodes.emplace_back(base.nodes[group.producers.front()].name, ir::ChannelScale{.multiplier = multiplier});
  return ir::scale_channels(base, settings);
}

/// Lists the locked groups that neither the input nor the output locks.
std::vector<std::string> locked_inside(const ir::Graph& graph) {
  std::vector<std::string> names;
  for (const ir::ChannelGroup& group : ir::channel_groups(graph).groups)
    if (group.lock == ir::WidthLock::kPositions || group.lock == ir::WidthLock::kOrder)
      names.push_back(graph.nodes[group.members.front()].name);
  return names;
}

double share_inherited(const State& state, const State& fresh) {
  double kept = 0, all = 0;
  for (std::size_t i = 0; i < state.size(); ++i) {
    if (!state[i].trainable) continue;
    for (std::size_t k = 0; k < state[i].values.size(); ++k) kept += state[i].values[k] != fresh[i].values[k] ? 1 : 0;
    all += static_cast<double>(state[i].values.size());
  }
  return kept / all;
}

TEST(ZooWidths, AllWidthsOfAllNetworksFollow) {
  for (const model::ZooEntry& entry : model::zoo()) {
    const ir::Graph base = model::make_model(entry.name, entry.usual);
    EXPECT_EQ(locked_inside(base), std::vector<std::string>()) << entry.name;
    for (const double multiplier : {0.5, 2.0}) {
      const ir::Graph graph = scaled(base, multiplier);
      EXPECT_EQ(graph == base, entry.name == "jsc-tiny") << entry.name;
      EXPECT_EQ(graph.input().output_shape, base.input().output_shape) << entry.name;
      EXPECT_EQ(graph.output().output_shape, base.output().output_shape) << entry.name;
      for (std::size_t i = 0; i < base.nodes.size(); ++i) {
        if (!ir::sets_width(base.nodes[i]) || ir::width_of(graph, i) == ir::width_of(base, i)) continue;
        EXPECT_EQ(ir::width_of(graph, i), ir::scaled_width(ir::width_of(base, i), multiplier)) << base.nodes[i].name;
      }
    }
  }
}

TEST(ZooWidths, NarrowerNetworksInheritAllTheirWeights) {
  for (const model::ZooEntry& entry : model::zoo()) {
    const ir::Graph base = model::make_model(entry.name, entry.usual);
    const ir::Graph narrower = scaled(base, 0.5);
    State trained = initial_state(base, 1, 1, 0);
    for (NamedTensor& tensor : trained)
      for (float& value : tensor.values) value += 3;
    const State fresh = initial_state(narrower, 2, 1, 0);
    EXPECT_EQ(share_inherited(transfer_weights(base, trained, narrower, fresh, WeightPolicy::kInherit), fresh), 1)
        << entry.name;
  }
}

}  // namespace
}  // namespace lathe::engine
