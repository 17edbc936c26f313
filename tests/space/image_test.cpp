#include <fmt/format.h>
#include <gtest/gtest.h>

#include "ir/chain_graph.h"
#include "lathe/base/error.h"
#include "lathe/ir/analysis/costs.h"
#include "lathe/model/zoo.h"
#include "lathe/space/space.h"
#include "lathe/space/summary.h"

// Spaces over the zoo's networks for images: widths, number formats and what follows from them.
namespace lathe::space {
namespace {

ir::Graph usual(const char* name) { return model::make_model(name, model::find_model(name)->usual); }

SearchSpace space_of(const ir::Graph& base, const std::string& seed) {
  const std::string text = "[search.search_space.seed.default.config]\nname = [\"NA\"]\n" + seed;
  return parse_space(config::parse_text(text, "study.toml"), base);
}

std::string entry(const std::string& node, const std::string& keys) {
  return fmt::format("[search.search_space.seed.{}.config]\n{}\n", node, keys);
}

std::string multipliers(const std::string& node, const char* mode, const char* list) {
  return entry(node, fmt::format("name = [\"{}\"]\nchannel_multiplier = [{}]", mode, list));
}

std::string vgg7_seed(const char* list) {
  return multipliers("feature_layers_0", "output_only", list) + multipliers("feature_layers_3", "both", list) +
         multipliers("feature_layers_7", "both", list) + multipliers("feature_layers_10", "both", list) +
         multipliers("feature_layers_14", "both", list) + entry("feature_layers_17", "name = [\"input_only\"]");
}

std::int64_t attribute(const ir::Graph& graph, const char* node, const char* name) {
  return graph.nodes[*graph.find(node)].integer(name);
}

TEST(ImageSpace, EveryLayerOfVgg7FollowsTheWidthBeforeIt) {
  const SearchSpace space = space_of(usual("vgg7"), vgg7_seed("0.25, 0.5, 1, 2"));
  ASSERT_EQ(space.dimensions().size(), 5U);
  const ir::Graph graph = space.decode({0, 1, 2, 3, 0}).graph;
  EXPECT_EQ(width_summary(graph), "3x32x32-32-64-256-512-128-512-1024-1024-10");
  EXPECT_EQ(attribute(graph, "feature_layers_3", "in_channels"), 32);
  EXPECT_EQ(attribute(graph, "feature_layers_4", "num_features"), 64);
  EXPECT_EQ(attribute(graph, "feature_layers_14", "in_channels"), 512);
  EXPECT_EQ(attribute(graph, "feature_layers_17", "in_channels"), 128);
  EXPECT_EQ(attribute(graph, "classifier_0", "in_features"), 8192);
}

TEST(ImageSpace, TheClassifierFollowsTheLastConvolutionThroughView) {
  const SearchSpace space = space_of(usual("vgg7"), multipliers("feature_layers_17", "output_only", "1, 2"));
  const ir::Graph graph = space.decode({1}).graph;
  EXPECT_EQ(width_summary(graph), "3x32x32-128-128-256-256-512-1024-1024-1024-10");
  EXPECT_EQ(attribute(graph, "classifier_0", "in_features"), 16384);
}

TEST(ImageSpace, ConvolutionsAreQuantised) {
  const std::string keys =
      "name = [\"integer\"]\ndata_in_width = [8]\ndata_in_frac_width = [4]\n"
      "weight_width = [2, 4]\nweight_frac_width = [\"NA\"]\nbias_width = [8]";
  const ir::Graph base = usual("vgg7-tiny");
  const SearchSpace space =
      space_of(base, entry("feature_layers_2", keys + "\nmode = [\"output_only\"]\nchannel_multiplier = [2]"));
  const ir::Graph graph = space.decode({0}).graph;
  EXPECT_EQ(width_summary(graph), "3x32x32-10-20-8-32-10");
  EXPECT_EQ(bits_summary(graph), "float w2a8 3 x float");
  const ir::GraphCosts costs = ir::costs(graph, 1);
  EXPECT_EQ(costs.average_bitwidth, 2);
  for (const ir::NodeCosts& node : costs.nodes) {
    if (node.name != "feature_layers_2") continue;
    EXPECT_EQ(node.bitops, 2.0 * 8 * 32 * 32 * 20 * 10 * 9);
  }
}

TEST(ImageSpace, ResidualAndDepthwiseWidthsFollow) {
  const SearchSpace resnet =
      space_of(usual("resnet18"), multipliers("layer2_0_conv2", "output_only", "1, 0.5") +
                                      multipliers("layer2_0_downsample_0", "output_only", "1, 0.5"));
  ASSERT_EQ(resnet.dimensions().size(), 1U);
  const ir::Graph narrow = resnet.decode({1}).graph;
  EXPECT_EQ(attribute(narrow, "layer2_1_conv2", "out_channels"), 64);
  EXPECT_EQ(attribute(narrow, "layer3_0_downsample_0", "in_channels"), 64);
  EXPECT_EQ(attribute(narrow, "layer2_0_conv1", "out_channels"), 128);

  const SearchSpace mobile = space_of(usual("mobilenet-v2"), multipliers("features_2_conv_0_0", "output_only", "0.5"));
  const ir::Graph slim = mobile.decode({}).graph;
  EXPECT_EQ(attribute(slim, "features_2_conv_1_0", "groups"), 48);
  EXPECT_EQ(attribute(slim, "features_2_conv_1_1", "num_features"), 48);
  EXPECT_EQ(attribute(slim, "features_2_conv_2", "in_channels"), 48);
}

TEST(ImageSpace, WidthsOfTextsFollowToo) {
  const SearchSpace space =
      space_of(usual("transformer-tiny"),
               multipliers("embedding", "output_only", "1, 2") + multipliers("blocks_1_linear1", "output_only", "0.5"));
  const ir::Graph graph = space.decode({1}).graph;
  EXPECT_EQ(attribute(graph, "blocks_0_out", "out_features"), 128);
  EXPECT_EQ(attribute(graph, "blocks_1_linear2", "in_features"), 128);
  EXPECT_EQ(attribute(graph, "norm", "normalized_shape"), 128);
  EXPECT_EQ(attribute(graph, "head", "in_features"), 128);
}

}  // namespace
}  // namespace lathe::space
