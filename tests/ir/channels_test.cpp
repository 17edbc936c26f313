#include "lathe/ir/analysis/channels.h"

#include <gtest/gtest.h>

#include "ir/chain_graph.h"
#include "ir/layer_graphs.h"
#include "ir/random_graph.h"
#include "lathe/base/error.h"
#include "lathe/ir/passes/scale_channels.h"

namespace lathe::ir {
namespace {

using Multipliers = std::vector<std::pair<std::string, double>>;

Graph scaled(const Graph& graph, const Multipliers& multipliers) {
  ScaleChannelsSettings settings;
  for (const auto& [node, multiplier] : multipliers)
    settings.nodes.emplace_back(node, ChannelScale{.multiplier = multiplier});
  return scale_channels(graph, settings);
}

std::string error_of(const Graph& graph, const Multipliers& multipliers) {
  return test::error_text<UserError>([&] { scaled(graph, multipliers); });
}

ChannelLayout layout(const Graph& graph, const std::string& node) {
  return channel_groups(graph).layouts[*graph.find(node)];
}

TEST(Channels, WidthsAreCountedWhereTheChannelsAre) {
  const Graph image = test::vgg_like();
  EXPECT_EQ(width_of(image, 0), 3);
  EXPECT_EQ(width_of(image, *image.find("b_norm")), 8);
  EXPECT_EQ(width_of(image, *image.find("flatten")), 32);
  const Graph text = test::transformer();
  EXPECT_EQ(width_of(text, *text.find("up")), 16);
  EXPECT_EQ(width_of(text, *text.find("gelu")), 16);
  EXPECT_EQ(width_of(text, *text.find("mean")), 8);
  EXPECT_EQ(channel_axis(text, *text.find("gelu")), 1U);
}

TEST(Channels, TheInputHasItsChannelsWhereItsReaderLooks) {
  GraphBuilder sequence("net", {3, 8});
  sequence.add("relu", "r");
  sequence.add("conv1d", "c",
               {{"in_channels", std::int64_t{3}}, {"out_channels", std::int64_t{4}}, {"kernel_size", std::int64_t{3}}});
  sequence.add("relu", "s");
  EXPECT_EQ(width_of(sequence.graph(), 2), 4);
  EXPECT_EQ(width_of(sequence.graph(), 3), 4);
  GraphBuilder tokens("net", {3, 8});
  tokens.add("linear", "l", {{"in_features", std::int64_t{8}}, {"out_features", std::int64_t{4}}});
  EXPECT_EQ(width_of(tokens.graph(), 0), 8);
}

TEST(Channels, FlattenKeepsPlanesTogether) {
  const Graph graph = test::vgg_like();
  EXPECT_EQ(layout(graph, "flatten").parts.front().repeat, 4);
  EXPECT_EQ(layout(graph, "flatten").tiles, 1);
  EXPECT_EQ(layout(graph, "flatten").parts.front().group, layout(graph, "b").parts.front().group);
}

TEST(Channels, VggWidthsFollow) {
  EXPECT_EQ(scaled(test::vgg_like(), {{"a", 2}, {"b", 0.5}, {"c", 3}}), test::vgg_like(12, 4, 30));
}

TEST(Channels, TheFlattenedWidthOfVgg7Follows) {
  test::Layers net("vgg", {512, 8, 8});
  net.conv("conv", 512, 512);
  net.add("max_pool2d", {}, {{"kernel_size", std::int64_t{2}}});
  net.add("flatten");
  net.linear("fc", 8192, 10);
  const Graph graph = scaled(net.finish(), {{"conv", 1.5}});
  EXPECT_EQ(graph.nodes[*graph.find("fc")].integer("in_features"), 768 * 4 * 4);
}

TEST(Channels, BothBranchesOfAResidualBlockHaveOneWidth) {
  for (const char* asked : {"conv2", "down"})
    EXPECT_EQ(scaled(test::residual_block(), {{asked, 2}}), test::residual_block(6, 8, 20)) << asked;
  EXPECT_EQ(scaled(test::residual_block(), {{"stem", 0.5}, {"conv1", 2}}), test::residual_block(3, 16, 10));
  EXPECT_EQ(error_of(test::residual_block(), {{"conv2", 2}, {"down", 3}}),
            "node down: its width is tied to that of conv2: multipliers 3 and 2 contradict each other");
}

TEST(Channels, DepthwiseConvolutionsFollow) {
  EXPECT_EQ(scaled(test::inverted_residual(), {{"stem", 2}, {"expand", 0.5}}), test::inverted_residual(8, 6));
  EXPECT_EQ(error_of(test::inverted_residual(), {{"depthwise", 2}}),
            "node depthwise: mode output_only needs a layer that sets its own width; depthwise is a depthwise conv2d, "
            "whose width follows its input");
}

TEST(Channels, ADepthwiseMultiplierIsKept) {
  const auto build = [](std::int64_t width) {
    test::Layers net("net", {3, 4, 4});
    net.conv("a", 3, width);
    net.conv("b", width, 2 * width, 3, width);
    net.add("mean");
    net.linear("fc", 2 * width, 5);
    return net.finish();
  };
  EXPECT_EQ(scaled(build(4), {{"a", 3}}), build(12));
  EXPECT_EQ(layout(build(4), "b").parts.front().repeat, 2);
}

TEST(Channels, ConcatenatedWidthsAddUp) {
  EXPECT_EQ(scaled(test::joined(), {{"a", 2}, {"b", 0.5}, {"c", 2}}), test::joined(8, 3, 16));
  ScaleChannelsSettings settings;
  settings.nodes = {{"a", {.multiplier = 2}}, {"c", {.multiplier = 1, .input_multiplier = 2}}};
  EXPECT_EQ(test::error_text<UserError>([&] { scale_channels(test::joined(), settings); }),
            "node c: input multiplier 2 contradicts node cat, which feeds it and whose width is multiplied by 1.4");
}

TEST(Channels, GroupsMustDivide) {
  EXPECT_EQ(scaled(test::grouped(), {{"a", 1.5}, {"b", 2}}), test::grouped(12, 24));
  EXPECT_EQ(error_of(test::grouped(), {{"a", 1.25}}),
            "node b: groups = 4 must divide in_channels = 10 and out_channels = 12");
}

TEST(Channels, AttentionTiesQueriesKeysAndValues) {
  for (const char* asked : {"q", "k", "v"})
    EXPECT_EQ(scaled(test::transformer(), {{asked, 2}}), test::transformer(8, 16, 16)) << asked;
  EXPECT_EQ(scaled(test::transformer(), {{"up", 0.5}}), test::transformer(8, 8, 8));
  for (const char* asked : {"tokens", "o", "down"})
    EXPECT_EQ(scaled(test::transformer(), {{asked, 2}}), test::transformer(16, 8, 16)) << asked;
  EXPECT_EQ(error_of(test::transformer(), {{"q", 0.625}}), "node attend: num_heads = 2 must divide its 5 features");
  EXPECT_EQ(error_of(test::transformer(), {{"tokens", 2}, {"o", 1}}),
            "node o: its width is tied to that of tokens: multipliers 1 and 2 contradict each other");
}

TEST(Channels, WhatMixesPositionsLocksTheWidth) {
  test::Layers net("net", {3, 4, 4});
  net.conv("a", 3, 6);
  net.add("reshape", {}, {{"shape", Shape{6, 16}}});
  net.add("permute", {}, {{"dims", Shape{1, 0}}});
  net.linear("b", 6, 8);
  net.add("mean");
  net.linear("c", 8, 5);
  const Graph graph = net.finish();
  EXPECT_EQ(
      error_of(graph, {{"a", 2}}),
      "node a: node reshape (reshape) mixes its channels with positions, so that its width of 6 cannot change; got "
      "a multiplier of 2");
  EXPECT_EQ(scaled(graph, {{"a", 1}}), graph);
  EXPECT_EQ(width_of(scaled(graph, {{"b", 2}}), *graph.find("b")), 16);
}

TEST(Channels, GatesOfSqueezeAndExcitationFollow) {
  const auto build = [](std::int64_t width, std::int64_t squeezed) {
    test::Layers net("net", {3, 4, 4});
    const std::size_t image = net.conv("a", 3, width);
    net.add("mean");
    net.linear("squeeze", width, squeezed);
    net.linear("excite", squeezed, width);
    net.add("reshape", {}, {{"shape", Shape{width, 1, 1}}});
    const std::size_t gate = net.add("upsample", {}, {{"scale_factor", std::int64_t{4}}});
    net.add("mul", {image, gate});
    net.add("mean");
    net.linear("fc", width, 5);
    return net.finish();
  };
  EXPECT_EQ(scaled(build(6, 4), {{"a", 2}, {"squeeze", 0.5}}), build(12, 2));
  EXPECT_EQ(scaled(build(6, 4), {{"excite", 2}}), build(12, 4));
  GraphBuilder tokens("net", {3});
  tokens.add("embedding", "e", {{"num_embeddings", std::int64_t{5}}, {"embedding_dim", std::int64_t{4}}});
  tokens.add("reshape", "", {{"shape", Shape{12, 1, 1}}});
  tokens.add("flatten", "");
  tokens.add("linear", "b", {{"in_features", std::int64_t{12}}, {"out_features", std::int64_t{2}}});
  const Graph mixed = std::move(tokens).finish();
  EXPECT_TRUE(error_of(mixed, {{"e", 2}}).starts_with("node e: node reshape (reshape) mixes"));
  EXPECT_EQ(scaled(mixed, {{"e", 1}}), mixed);
}

TEST(Channels, ALinearLayerOverPositionsLocksTheWidth) {
  GraphBuilder builder("net", {3, 8});
  builder.add("conv1d", "a",
              {{"in_channels", std::int64_t{3}}, {"out_channels", std::int64_t{4}}, {"kernel_size", std::int64_t{1}}});
  builder.add("linear", "b", {{"in_features", std::int64_t{8}}, {"out_features", std::int64_t{2}}});
  builder.add("flatten", "f");
  EXPECT_EQ(error_of(std::move(builder).finish(), {{"a", 2}}),
            "node a: node b (linear) mixes its channels with positions, so that its width of 4 cannot change; got a "
            "multiplier of 2");
}

TEST(Channels, SumsOfOtherRatiosAreLocked) {
  const auto build = [](std::int64_t b) {
    test::Layers net("net", {3, 2, 2});
    net.conv("a", 3, 4, 3, 1, {0});
    const std::size_t planes = net.add("flatten");
    const std::size_t start = net.add("flatten", {0});
    const std::size_t line = net.linear("b", 12, b, {start});
    net.add("add", {planes, line});
    net.linear("c", b, 5);
    return net.finish();
  };
  EXPECT_EQ(
      error_of(build(16), {{"a", 2}}),
      "node a: node add (add) ties it to values whose channels stand in another order or number, so that its width "
      "of 4 cannot change; got a multiplier of 2");
  EXPECT_TRUE(error_of(build(16), {{"b", 2}}).starts_with("node b: node add (add) ties it to values"));
}

TEST(Channels, SumsOfEqualPlanesAreRight) {
  const auto build = [](std::int64_t width) {
    test::Layers net("net", {3, 2, 2});
    net.conv("a", 3, width, 3, 1, {0});
    const std::size_t left = net.add("flatten");
    net.conv("b", 3, width, 1, 1, {0});
    const std::size_t right = net.add("flatten");
    net.add("add", {left, right});
    net.linear("c", 4 * width, 5);
    return net.finish();
  };
  EXPECT_EQ(scaled(build(4), {{"b", 2}}), build(8));
}

TEST(Channels, TokensFlattenedRepeatTheFeatures) {
  GraphBuilder builder("net", {3});
  builder.add("embedding", "e", {{"num_embeddings", std::int64_t{5}}, {"embedding_dim", std::int64_t{4}}});
  builder.add("flatten", "f");
  builder.add("linear", "b", {{"in_features", std::int64_t{12}}, {"out_features", std::int64_t{2}}});
  const Graph graph = std::move(builder).finish();
  EXPECT_EQ(layout(graph, "f").tiles, 3);
  const Graph wider = scaled(graph, {{"e", 2}});
  EXPECT_EQ(wider.nodes[*wider.find("b")].integer("in_features"), 24);
}

TEST(Channels, TheResultOfALanguageModelKeepsItsVocabulary) {
  GraphBuilder builder("net", {3});
  builder.add("embedding", "e", {{"num_embeddings", std::int64_t{5}}, {"embedding_dim", std::int64_t{4}}});
  builder.add("linear", "b", {{"in_features", std::int64_t{4}}, {"out_features", std::int64_t{5}}});
  EXPECT_EQ(error_of(std::move(builder).finish(), {{"b", 2}}),
            "node b: its output is the network's result (5 classes) and keeps its width; got a multiplier of 2");
}

TEST(Channels, RandomGraphsStayConsistent) {
  int changed = 0;
  for (unsigned seed = 0; seed < 200; ++seed) {
    const Graph graph = test::RandomGraph(seed).build();
    const ChannelGroups groups = channel_groups(graph);
    Multipliers asked;
    for (const ChannelGroup& group : groups.groups)
      if (!group.producers.empty() && !group.fixed_by)
        asked.emplace_back(graph.nodes[group.producers.front()].name, 1.0 + 0.5 * static_cast<double>(seed % 4));
    const Graph after = scaled(graph, asked);
    EXPECT_EQ(after.output().output_shape, Shape{5});
    std::vector<std::int64_t> widths;
    for (const ChannelGroup& group : groups.groups) {
      const std::size_t any = group.producers.empty() ? 0 : group.producers.front();
      widths.push_back(group.producers.empty() ? group.width : width_of(after, any));
    }
    for (std::size_t i = 0; i < graph.nodes.size(); ++i)
      EXPECT_EQ(width_of(after, i), layout_width(groups.layouts[i], widths)) << seed << " " << graph.nodes[i].name;
    changed += after != graph ? 1 : 0;
  }
  EXPECT_GT(changed, 100);
}

}  // namespace
}  // namespace lathe::ir
