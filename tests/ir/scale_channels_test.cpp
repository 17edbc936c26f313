#include "lathe/ir/passes/scale_channels.h"

#include <gtest/gtest.h>

#include "ir/chain_graph.h"
#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/ir/analysis/channels.h"
#include "lathe/ir/report.h"

namespace lathe::ir {
namespace {

using test::three_layers;
using Nodes = std::vector<std::pair<std::string, ChannelScale>>;

ChannelScale output(double multiplier, ChannelMode mode = ChannelMode::kOutputOnly) {
  return {.mode = mode, .multiplier = multiplier};
}

Graph scaled(Nodes nodes) { return scale_channels(three_layers(), {std::move(nodes), {}}); }

std::string error_of(Nodes nodes) {
  return test::error_text<UserError>([&] { scaled(std::move(nodes)); });
}

TEST(ScaleChannels, TextInTextOut) {
  const Graph before = parse_text(R"IR(graph "net"
x = input(; shape="[4]") -> [4]
a @ a = linear(x; in_features=4, out_features=8, bias=true) -> [8]
n @ n = batch_norm1d(a; num_features=8, eps=1e-05, momentum=0.1) -> [8]
r @ r = relu(n) -> [8]
f @ f = flatten(r) -> [8]
b @ b = linear(f; in_features=8, out_features=3, bias=true) -> [3]
output = output(b) -> [3]
)IR");
  const Graph after = scale_channels(before, {{{"a", output(2.5)}}, {}});
  EXPECT_EQ(to_text(after), R"IR(graph "net"
x = input(; shape="[4]") -> [4]
a @ a = linear(x; in_features=4, out_features=20, bias=true) -> [20]
n @ n = batch_norm1d(a; num_features=20, eps=1e-05, momentum=0.1) -> [20]
r @ r = relu(n) -> [20]
f @ f = flatten(r) -> [20]
b @ b = linear(f; in_features=20, out_features=3, bias=true) -> [3]
output = output(b) -> [3]
)IR");
}

TEST(ScaleChannels, WidthsRoundHalfUpAndStayAboveZero) {
  EXPECT_EQ(scaled_width(16, 2), 32);
  EXPECT_EQ(scaled_width(5, 0.5), 3);
  EXPECT_EQ(scaled_width(16, 0.01), 1);
  EXPECT_EQ(scaled_width(10, 0.25), 3);
  EXPECT_THROW(scaled_width(16, 1e12), UserError);
}

TEST(ScaleChannels, ParameterCountsOfTheLabs) {
  const std::pair<double, std::int64_t> counts[] = {{1, 661}, {2, 1797}, {3, 3445}, {4, 5605}, {5, 8277}, {6, 11461}};
  for (const auto& [multiplier, parameters] : counts)
    EXPECT_EQ(
        trainable_parameters(scaled({{"seq_blocks_2", output(multiplier)}, {"seq_blocks_4", output(multiplier)}})),
        parameters);
  EXPECT_EQ(trainable_parameters(scaled({{"seq_blocks_2", output(2)}, {"seq_blocks_4", output(4)}})), 3013);
}

TEST(ScaleChannels, EveryModeButInputOnlyScalesTheOutput) {
  const Graph expected = scaled({{"seq_blocks_2", output(3)}});
  for (const ChannelMode mode : {ChannelMode::kOutputOnly, ChannelMode::kBoth, ChannelMode::kLinear})
    EXPECT_EQ(scaled({{"seq_blocks_2", output(3, mode)}}), expected);
}

TEST(ScaleChannels, InputOnlyIsInertAndSaysSoOnce) {
  log::Capture capture;
  for (const double multiplier : {2.0, 3.0})
    EXPECT_EQ(scaled({{"seq_blocks_6", output(multiplier, ChannelMode::kInputOnly)}}), three_layers());
  const std::string text = capture.text();
  const std::size_t first = text.find("channel_multiplier has no effect with input_only");
  ASSERT_NE(first, std::string::npos) << text;
  EXPECT_EQ(text.find("channel_multiplier has no effect", first + 1), std::string::npos) << text;
}

TEST(ScaleChannels, AStatedInputMayOnlyAgree) {
  ChannelScale both = output(3, ChannelMode::kBoth);
  both.input_multiplier = 2;
  EXPECT_EQ(trainable_parameters(scaled({{"seq_blocks_2", output(2)}, {"seq_blocks_4", both}})),
            trainable_parameters(scaled({{"seq_blocks_2", output(2)}, {"seq_blocks_4", output(3)}})));
  EXPECT_EQ(error_of({{"seq_blocks_2", output(4)}, {"seq_blocks_4", both}}),
            "node seq_blocks_4: input multiplier 2 contradicts node seq_blocks_2, which feeds it and whose width is "
            "multiplied by 4");
}

TEST(ScaleChannels, AParentIsTheProducerOrANodeOnTheWay) {
  ChannelScale scale = output(2);
  for (const char* parent : {"seq_blocks_2", "seq_blocks_3"}) {
    scale.parent = parent;
    EXPECT_EQ(scaled({{"seq_blocks_4", scale}}), scaled({{"seq_blocks_4", output(2)}})) << parent;
  }
  scale.parent = "seq_blocks_1";
  EXPECT_EQ(error_of({{"seq_blocks_4", scale}}),
            "node seq_blocks_4: parent seq_blocks_1 contradicts the graph: the input comes from seq_blocks_2");
  scale.parent = "seq_blocks_5";
  EXPECT_EQ(error_of({{"seq_blocks_4", scale}}),
            "node seq_blocks_4: parent seq_blocks_5 contradicts the graph: the input comes from seq_blocks_2");
  scale.parent = "seq_block_2";
  EXPECT_TRUE(error_of({{"seq_blocks_4", scale}})
                  .starts_with("node seq_blocks_4: its parent \"seq_block_2\" does not exist; did you mean"));
}

TEST(ScaleChannels, TheClassesKeepTheirNumber) {
  EXPECT_EQ(
      error_of({{"seq_blocks_6", output(2)}}),
      "node seq_blocks_6: its output is the network's result (5 classes) and keeps its width; got a multiplier of 2");
  EXPECT_EQ(scaled({{"seq_blocks_6", output(1)}}), three_layers());
}

TEST(ScaleChannels, NodesWithoutAWidthAreRefusedWithAHint) {
  const auto run = [] {
    scale_channels(three_layers(), {{{"seq_blocks_3", output(2, ChannelMode::kBoth)}},
                                    [](const std::string&) { return std::string("; look elsewhere"); }});
  };
  EXPECT_EQ(test::error_text<UserError>(run),
            "node seq_blocks_3: mode both needs a layer with a width; seq_blocks_3 is relu; look elsewhere");
}

TEST(ScaleChannels, UnknownNodesAndBadMultipliersAreRefused) {
  EXPECT_TRUE(error_of({{"seq_block_2", output(2)}})
                  .starts_with("no node \"seq_block_2\" in three; did you mean \"seq_blocks_2\"?"));
  EXPECT_EQ(error_of({{"seq_blocks_2", output(-1)}}), "node seq_blocks_2: channel multipliers must be above 0; got -1");
}

TEST(ScaleChannels, TheBaseGraphStaysAsItIsOverAThousandPasses) {
  const Graph base = three_layers();
  const Graph copy = base;
  const std::string text = to_text(base);
  for (int trial = 0; trial < 1000; ++trial)
    scale_channels(base,
                   {{{"seq_blocks_2", output(1 + trial % 7)}, {"seq_blocks_4", output(0.5 * (1 + trial % 5))}}, {}});
  EXPECT_EQ(base, copy);
  EXPECT_EQ(to_text(base), text);
}

TEST(ScaleChannels, SummedLayersHaveOneWidth) {
  for (const char* asked : {"a", "b"})
    EXPECT_EQ(scale_channels(test::residual(), {{{asked, output(2)}}, {}}), test::residual(16)) << asked;
  EXPECT_EQ(scale_channels(test::residual(), {{{"a", output(2)}, {"b", output(2)}}, {}}), test::residual(16));
  EXPECT_EQ(test::error_text<UserError>([] {
              scale_channels(test::residual(), {{{"a", output(2)}, {"b", output(3)}}, {}});
            }),
            "node b: its width is tied to that of a: multipliers 3 and 2 contradict each other");
}

TEST(ScaleChannels, ASumWithTheInputKeepsItsWidth) {
  GraphBuilder builder("net", {4});
  const std::size_t a =
      builder.add("linear", "a", {{"in_features", std::int64_t{4}}, {"out_features", std::int64_t{4}}});
  builder.add("add", "", {}, {0, a});
  builder.add("linear", "b", {{"in_features", std::int64_t{4}}, {"out_features", std::int64_t{3}}});
  const Graph graph = std::move(builder).finish();
  EXPECT_EQ(
      test::error_text<UserError>([&] {
        scale_channels(graph, {{{"a", output(2)}}, {}});
      }),
      "node a: its output is tied to the network's input x (4 features), and it keeps its width; got a multiplier of "
      "2");
}

TEST(Channels, SumsTieTheirProducers) {
  const Graph graph = test::residual();
  const ChannelGroups groups = channel_groups(graph);
  EXPECT_EQ(groups.groups[groups.group_of(*graph.find("add"))].producers, (std::vector<std::size_t>{1, 3}));
  EXPECT_EQ(groups.group_of(*graph.find("r")), groups.group_of(*graph.find("n")));
}

TEST(Channels, GroupsFollowTheRules) {
  const Graph graph = three_layers();
  const ChannelGroups groups = channel_groups(graph);
  ASSERT_EQ(groups.groups.size(), 4U);
  EXPECT_EQ(groups.groups[0].fixed_by, 0U);
  EXPECT_EQ(groups.groups[0].members, (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_EQ(groups.groups[1].producers, std::vector<std::size_t>{3});
  EXPECT_FALSE(groups.groups[1].fixed_by);
  EXPECT_EQ(groups.groups[3].fixed_by, graph.nodes.size() - 1);
  EXPECT_EQ(input_producer(graph, groups, 5), 3U);
  EXPECT_EQ(input_producer(graph, groups, 3), 0U);
}

}  // namespace
}  // namespace lathe::ir
