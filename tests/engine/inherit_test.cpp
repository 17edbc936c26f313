#include "lathe/engine/inherit.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "ir/chain_graph.h"
#include "ir/layer_graphs.h"
#include "ir/random_graph.h"
#include "lathe/backend/ref/ref.h"
#include "lathe/base/error.h"
#include "lathe/engine/backend.h"
#include "lathe/ir/analysis/channels.h"
#include "lathe/ir/passes/scale_channels.h"

namespace lathe::engine {
namespace {

namespace graphs = ir::test;

constexpr std::int64_t kRows = 5;

/// Makes a state as training leaves it: nothing is zero or one.
State trained_state(const ir::Graph& graph, std::uint64_t seed = 3) {
  State state = initial_state(graph, seed, 0, 0);
  std::mt19937 random(static_cast<unsigned>(seed));
  for (NamedTensor& tensor : state) {
    const bool positive = tensor.name.ends_with("running_var") || tensor.name.find("norm") != std::string::npos;
    for (float& value : tensor.values)
      value += std::uniform_real_distribution<float>(positive ? 0.2f : -0.2f, 0.4f)(random);
    if (tensor.integral) tensor.values = {7};
  }
  return state;
}

data::Samples rows_for(const ir::Graph& graph) {
  std::mt19937 random(5);
  data::Samples samples;
  samples.shape = graph.input().output_shape;
  samples.width = element_count(samples.shape);
  samples.labels.assign(kRows, 0);
  const bool tokens = graph.nodes[1].op == "embedding";
  for (std::int64_t i = 0; i < kRows * samples.width; ++i)
    samples.features.push_back(tokens ? static_cast<float>(std::uniform_int_distribution<int>(0, 10)(random))
                                      : std::normal_distribution<float>()(random));
  return samples;
}

std::vector<float> outputs(const ir::Graph& graph, const State& state) {
  const auto backend = backend::make_ref_backend();
  const auto session = backend->compile(graph, {.batch_size = kRows, .training = false})->make_session();
  session->load(state);
  const data::Samples samples = rows_for(graph);
  std::vector<float> values(static_cast<std::size_t>(kRows * element_count(graph.output().output_shape)));
  session->predict(samples, 0, kRows, values);
  return values;
}

State transferred(const ir::Graph& base, const ir::Graph& candidate, WeightPolicy policy,
                  double spread = kDefaultSpread) {
  return transfer_weights(base, trained_state(base), candidate, initial_state(candidate, 9, 1, 0), policy, spread);
}

/// Returns the largest distance of the candidate's outputs from the base network's, relative to the largest output.
double distance(const ir::Graph& base, const ir::Graph& candidate, WeightPolicy policy) {
  const std::vector<float> before = outputs(base, trained_state(base));
  const std::vector<float> after = outputs(candidate, transferred(base, candidate, policy));
  double largest = 0, apart = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(before[i])));
    apart = std::max(apart, std::abs(static_cast<double>(before[i]) - after[i]));
  }
  EXPECT_GT(largest, 1e-3);
  return apart / largest;
}

ir::Graph mlp(std::int64_t a, std::int64_t b) {
  ir::GraphBuilder builder("mlp", {7});
  const auto linear = [&](const std::string& path, std::int64_t in, std::int64_t out) {
    builder.add("linear", path, {{"in_features", in}, {"out_features", out}});
  };
  linear("a", 7, a);
  builder.add("batch_norm1d", "a_norm", {{"num_features", a}});
  builder.add("relu", "");
  linear("b", a, b);
  builder.add("tanh", "");
  linear("c", b, 4);
  return std::move(builder).finish();
}

TEST(Net2Wider, KeepsTheOutputs) {
  const auto check = [](const ir::Graph& base, const ir::Graph& candidate) {
    EXPECT_LT(distance(base, candidate, WeightPolicy::kNet2Wider), 1e-5) << base.name;
  };
  check(mlp(6, 5), mlp(13, 8));
  check(graphs::vgg_like(), graphs::vgg_like(9, 20, 11));
  check(graphs::vgg_like(), graphs::vgg_like(6, 8, 30));
  check(graphs::residual_block(), graphs::residual_block(9, 8, 25));
  check(graphs::residual_block(), graphs::residual_block(6, 16, 11));
  check(graphs::inverted_residual(), graphs::inverted_residual(6, 30));
  check(graphs::joined(), graphs::joined(7, 6, 20));
  check(graphs::joined(), graphs::joined(4, 13, 8));
  check(graphs::grouped(), graphs::grouped(12, 20));
  check(graphs::grouped(), graphs::grouped(32, 12));
}

TEST(Net2Wider, KeepsTheOutputsThroughDepthwiseMultipliersAndTokens) {
  const auto depthwise = [](std::int64_t width) {
    graphs::Layers net("net", {3, 4, 4});
    net.conv("a", 3, width);
    net.conv("b", width, 2 * width, 3, width);
    net.add("flatten");
    net.linear("fc", 32 * width, 5);
    return net.finish();
  };
  EXPECT_LT(distance(depthwise(4), depthwise(7), WeightPolicy::kNet2Wider), 1e-5);
  const auto text = [](std::int64_t width) {
    ir::GraphBuilder builder("net", {6});
    builder.add("embedding", "e", {{"num_embeddings", std::int64_t{11}}, {"embedding_dim", width}});
    builder.add("position_embedding", "p", {{"positions", std::int64_t{8}}, {"features", width}});
    builder.add("flatten", "f");
    builder.add("linear", "b", {{"in_features", 6 * width}, {"out_features", std::int64_t{3}}});
    return std::move(builder).finish();
  };
  EXPECT_LT(distance(text(4), text(9), WeightPolicy::kNet2Wider), 1e-5);
}

TEST(Net2Wider, TransformersWidenTheirFeedForward) {
  EXPECT_LT(distance(graphs::transformer(), graphs::transformer(8, 8, 37), WeightPolicy::kNet2Wider), 1e-5);
  EXPECT_LT(distance(graphs::transformer(), graphs::transformer(24, 8, 16), WeightPolicy::kNet2Wider), 1e-5);
}

TEST(Net2Wider, RefusesWhatItCannotKeepAndNamesTheNode) {
  const auto error = [](const ir::Graph& candidate) {
    return graphs::error_text<UserError>(
        [&] { transferred(graphs::transformer(), candidate, WeightPolicy::kNet2Wider); });
  };
  EXPECT_EQ(
      error(graphs::transformer(12, 8, 16)),
      "node norm1: layer_norm over 8 channels computes something else over their copies, now 12: net2wider cannot "
      "keep its outputs but for a whole multiple of the width; use inherit");
  EXPECT_EQ(
      error(graphs::transformer(8, 16, 16)),
      "node attend: attention over 8 channels computes something else over their copies, now 16: net2wider cannot "
      "keep its outputs; use inherit");
}

TEST(Net2Wider, CopiesAreMovedApartAndSumUp) {
  const ir::Graph base = mlp(2, 3);
  const ir::Graph wider = mlp(4, 3);
  const State plain = transferred(base, wider, WeightPolicy::kNet2Wider, 0);
  const State apart = transferred(base, wider, WeightPolicy::kNet2Wider);
  const State trained = trained_state(base);
  const auto weight = [](const State& state) {
    for (const NamedTensor& tensor : state)
      if (tensor.name == "b.weight") return tensor.values;
    return std::vector<float>();
  };
  for (std::size_t row = 0; row < 3; ++row) {
    for (std::size_t k = 0; k < 2; ++k) {
      EXPECT_EQ(weight(plain)[4 * row + k], weight(trained)[2 * row + k] / 2);
      EXPECT_EQ(weight(plain)[4 * row + k + 2], weight(trained)[2 * row + k] / 2);
      EXPECT_NE(weight(apart)[4 * row + k], weight(apart)[4 * row + k + 2]);
      EXPECT_NEAR(weight(apart)[4 * row + k] + weight(apart)[4 * row + k + 2], weight(trained)[2 * row + k], 1e-6);
    }
  }
}

TEST(Inherit, EqualWidthsKeepEverything) {
  for (const ir::Graph& graph : {mlp(6, 5), graphs::vgg_like(), graphs::residual_block(), graphs::inverted_residual(),
                                 graphs::joined(), graphs::grouped(), graphs::transformer()})
    for (const WeightPolicy policy : {WeightPolicy::kInherit, WeightPolicy::kNet2Wider})
      EXPECT_EQ(transferred(graph, graph, policy), trained_state(graph)) << graph.name;
}

TEST(Inherit, FreshWeightsStayAsTheyAre) {
  const ir::Graph wider = mlp(12, 10);
  EXPECT_EQ(transferred(mlp(6, 5), wider, WeightPolicy::kFresh), initial_state(wider, 9, 1, 0));
}

/// Sets all slices of a tensor's output channels to zero but `kept`.
void keep_only(State& state, const std::string& name, const std::vector<std::size_t>& kept) {
  for (NamedTensor& tensor : state) {
    if (tensor.name != name) continue;
    const std::size_t slice = tensor.values.size() / static_cast<std::size_t>(tensor.shape[0]);
    for (std::size_t i = 0; i < tensor.values.size(); ++i)
      if (std::count(kept.begin(), kept.end(), i / slice) == 0) tensor.values[i] = 0;
  }
}

/// Sets the tensors of a node but its weight to zero where the channel is not one of `kept`.
void silence(State& state, const std::string& node, const std::vector<std::size_t>& kept) {
  for (const char* tensor : {".weight", ".bias", ".running_mean"}) keep_only(state, node + tensor, kept);
}

/// A network whose other channels are dead computes the same without them.
TEST(Inherit, DeadChannelsGoFirst) {
  const ir::Graph base = graphs::vgg_like(6, 8, 10);
  const ir::Graph narrower = graphs::vgg_like(3, 4, 5);
  State trained = trained_state(base);
  for (const char* node : {"a", "a_norm"}) silence(trained, node, {1, 2, 5});
  for (const char* node : {"b", "b_norm"}) silence(trained, node, {0, 3, 6, 7});
  silence(trained, "c", {0, 1, 4, 8, 9});
  const State kept =
      transfer_weights(base, trained, narrower, initial_state(narrower, 9, 1, 0), WeightPolicy::kInherit);
  const std::vector<float> before = outputs(base, trained), after = outputs(narrower, kept);
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_NEAR(before[i], after[i], 1e-5);
}

TEST(Inherit, DeadChannelsOfTiedLayersGoFirst) {
  const ir::Graph base = graphs::residual_block(6, 8, 10);
  const ir::Graph narrower = graphs::residual_block(6, 8, 4);
  State trained = trained_state(base);
  for (const char* node : {"conv2", "norm2", "down", "down_norm"}) silence(trained, node, {2, 3, 7, 9});
  const State kept =
      transfer_weights(base, trained, narrower, initial_state(narrower, 9, 1, 0), WeightPolicy::kInherit);
  const std::vector<float> before = outputs(base, trained), after = outputs(narrower, kept);
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_NEAR(before[i], after[i], 1e-5);
}

TEST(Inherit, DeadChannelsOfJoinedAndDepthwiseLayersGoFirst) {
  const auto check = [](const ir::Graph& base, const ir::Graph& narrower,
                        const std::vector<std::pair<std::string, std::vector<std::size_t>>>& kept) {
    State trained = trained_state(base);
    for (const auto& [node, channels] : kept) silence(trained, node, channels);
    const State state =
        transfer_weights(base, trained, narrower, initial_state(narrower, 9, 1, 0), WeightPolicy::kInherit);
    const std::vector<float> before = outputs(base, trained), after = outputs(narrower, state);
    for (std::size_t i = 0; i < before.size(); ++i) EXPECT_NEAR(before[i], after[i], 1e-5) << base.name;
  };
  check(graphs::joined(4, 6, 8), graphs::joined(2, 6, 3), {{"a", {1, 3}}, {"c", {0, 4, 7}}});
  const std::vector<std::size_t> hidden = {0, 5, 6, 11};
  check(graphs::inverted_residual(4, 12), graphs::inverted_residual(4, 4),
        {{"expand", hidden}, {"expand_norm", hidden}, {"depthwise", hidden}, {"depthwise_norm", hidden}});
  check(graphs::grouped(8, 12), graphs::grouped(4, 8), {{"a", {1, 3, 4, 6}}, {"b", {0, 1, 3, 5, 7, 8, 9, 11}}});
}

TEST(Inherit, WiderLayersKeepTheBaseAndStartTheRestFresh) {
  const ir::Graph base = mlp(2, 3);
  const ir::Graph wider = mlp(4, 3);
  const State trained = trained_state(base), fresh = initial_state(wider, 9, 1, 0);
  const State state = transfer_weights(base, trained, wider, fresh, WeightPolicy::kInherit);
  for (std::size_t i = 0; i < 14; ++i) EXPECT_EQ(state[0].values[i], trained[0].values[i]);
  for (std::size_t i = 14; i < 28; ++i) EXPECT_EQ(state[0].values[i], fresh[0].values[i]);
  EXPECT_EQ(state[6].values, std::vector<float>{7});
  EXPECT_EQ(state[7].name, "b.weight");
  EXPECT_EQ(state[7].values[4], trained[7].values[2]);
  EXPECT_EQ(state[7].values[6], fresh[7].values[6]);
}

TEST(Inherit, HeadsKeepEquallyManyChannels) {
  const ir::Graph base = graphs::transformer(8, 8, 16);
  const ir::Graph narrower = graphs::transformer(8, 4, 16);
  State trained = trained_state(base);
  for (NamedTensor& tensor : trained)
    if (tensor.name == "q.weight")
      for (std::size_t i = 0; i < tensor.values.size(); ++i)
        tensor.values[i] = i / 8 < 4 ? 10.0f + static_cast<float>(i / 8) : 0.1f;
  const State state =
      transfer_weights(base, trained, narrower, initial_state(narrower, 9, 1, 0), WeightPolicy::kInherit);
  for (const NamedTensor& tensor : state) {
    if (tensor.name != "q.weight") continue;
    EXPECT_EQ(tensor.values[0], 12.0f);
    EXPECT_EQ(tensor.values[8], 13.0f);
    EXPECT_EQ(tensor.values[16], 0.1f);
  }
}

TEST(Inherit, EqualNormsKeepTheFirstAndResultsRepeat) {
  const ir::Graph base = mlp(6, 5);
  const ir::Graph narrower = mlp(3, 5);
  State trained = trained_state(base);
  for (float& value : trained[0].values) value = 0.25f;
  const State once =
      transfer_weights(base, trained, narrower, initial_state(narrower, 9, 1, 0), WeightPolicy::kInherit);
  EXPECT_EQ(once, transfer_weights(base, trained, narrower, initial_state(narrower, 9, 1, 0), WeightPolicy::kInherit));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(once[1].values[i], trained[1].values[i]);
}

TEST(Inherit, StatesMustFit) {
  const ir::Graph base = mlp(6, 5);
  EXPECT_THROW(transfer_weights(base, {}, base, initial_state(base, 1, 1, 0), WeightPolicy::kInherit), DataError);
  EXPECT_THROW(transfer_weights(base, trained_state(base), mlp(3, 5), trained_state(base), WeightPolicy::kInherit),
               DataError);
}

TEST(Inherit, PoliciesAreReadAndPrinted) {
  for (const char* name : {"fresh", "inherit", "net2wider"}) EXPECT_EQ(to_string(*weight_policy(name)), name);
  EXPECT_FALSE(weight_policy("copy"));
}

/// Scales every group that may change by a random multiplier of at least `least`.
ir::Graph randomly_scaled(const ir::Graph& base, double least, std::mt19937& random) {
  ir::ScaleChannelsSettings settings;
  for (const ir::ChannelGroup& group : ir::channel_groups(base).groups)
    if (!group.producers.empty() && !group.fixed_by)
      settings.nodes.emplace_back(base.nodes[group.producers.front()].name,
                                  ir::ChannelScale{.multiplier = std::uniform_real_distribution(least, 4.0)(random)});
  return ir::scale_channels(base, settings);
}

TEST(Net2Wider, RandomMultipliersKeepTheOutputs) {
  std::mt19937 random(11);
  for (int round = 0; round < 20; ++round)
    for (const ir::Graph& base :
         {graphs::vgg_like(), graphs::residual_block(), graphs::inverted_residual(), graphs::joined()})
      EXPECT_LT(distance(base, randomly_scaled(base, 1, random), WeightPolicy::kNet2Wider), 1e-5) << base.name;
}

TEST(Net2Wider, RandomGraphsKeepTheOutputs) {
  std::mt19937 random(12);
  for (unsigned seed = 0; seed < 60; ++seed) {
    const ir::Graph base = graphs::RandomGraph(seed).build();
    EXPECT_LT(distance(base, randomly_scaled(base, 1, random), WeightPolicy::kNet2Wider), 1e-5) << seed;
  }
}

TEST(Inherit, RandomGraphsTakeWeightsOfAllTensors) {
  std::mt19937 random(13);
  for (unsigned seed = 0; seed < 60; ++seed) {
    const ir::Graph base = graphs::RandomGraph(seed).build();
    const ir::Graph candidate = randomly_scaled(base, 0.25, random);
    const State fresh = initial_state(candidate, 9, 1, 0);
    const State state = transfer_weights(base, trained_state(base), candidate, fresh, WeightPolicy::kInherit);
    for (std::size_t i = 0; i < state.size(); ++i) EXPECT_NE(state[i].values, fresh[i].values) << state[i].name;
  }
}

}  // namespace
}  // namespace lathe::engine
