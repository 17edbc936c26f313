#include "lathe/ir/passes/quantize.h"

#include <gtest/gtest.h>

#include "ir/chain_graph.h"
#include "lathe/base/error.h"

namespace lathe::ir {
namespace {

using test::three_layers;

NodeQuantization integer(std::int64_t data, std::int64_t weight, std::int64_t bias) {
  NodeQuantization asked;
  asked[Operand::kDataIn] = {{"width", data}, {"frac_width", std::nullopt}};
  asked[Operand::kWeight] = {{"width", weight}, {"frac_width", std::nullopt}};
  asked[Operand::kBias] = {{"width", bias}, {"frac_width", 4}};
  return asked;
}

std::string error_of(const std::string& node, const NodeQuantization& asked) {
  return test::error_text<UserError>([&] { quantize(three_layers(), {{{node, asked}}}); });
}

TEST(Quantize, TextInTextOut) {
  const Graph before = parse_text(R"IR(graph "net"
x = input(; shape="[4]") -> [4]
r @ r = relu(x) -> [4]
a @ a = linear(r; in_features=4, out_features=3, bias=true) -> [3]
output = output(a) -> [3]
)IR");
  const Graph after = quantize(before, {{{"r", integer(8, 8, 8)}, {"a", integer(8, 5, 8)}}});
  EXPECT_EQ(to_text(after), R"IR(graph "net"
x = input(; shape="[4]") -> [4]
r_data_in = quantize(x; format="integer(width=8, frac_width=4, signed=0)") -> [4]
r @ r = relu(r_data_in) -> [4]
a_data_in = quantize(r; format="integer(width=8, frac_width=4, signed=1)") -> [4]
a @ a = linear(a_data_in; in_features=4, out_features=3, bias=true) {weight: integer(width=5, frac_width=2, signed=1), bias: integer(width=8, frac_width=4, signed=1)} -> [3]
output = output(a) -> [3]
)IR");
}

TEST(Quantize, EveryInputOfASumIsQuantised) {
  const Graph graph = quantize(test::residual(), {{{"add", integer(8, 8, 8)}}});
  const Node& sum = graph.nodes[*graph.find("add")];
  ASSERT_EQ(sum.inputs.size(), 2U);
  EXPECT_EQ(graph.nodes[sum.inputs[0]].name, "add_data_in");
  EXPECT_EQ(graph.nodes[sum.inputs[1]].name, "add_data_in_1");
  EXPECT_EQ(graph.nodes[graph.nodes[sum.inputs[0]].inputs[0]].name, "r");
  EXPECT_EQ(graph.nodes[graph.nodes[sum.inputs[1]].inputs[0]].name, "n");
  for (const std::size_t input : sum.inputs)
    EXPECT_EQ(graph.nodes[input].format("format").to_string(), "integer(width=8, frac_width=4, signed=1)");
  EXPECT_EQ(parse_text(to_text(graph)), graph);
  EXPECT_EQ(quantize(graph, {{{"add", integer(4, 4, 4)}}}), quantize(test::residual(), {{{"add", integer(4, 4, 4)}}}));
}

TEST(Quantize, AnInputThatIsReadTwiceGetsOneQuantiser) {
  GraphBuilder builder("net", {4});
  const std::size_t a = builder.add("relu", "a");
  builder.add("add", "", {}, {a, 0, a});
  const Graph graph = quantize(std::move(builder).finish(), {{{"add", integer(8, 8, 8)}}});
  const Node& sum = graph.nodes[*graph.find("add")];
  EXPECT_EQ(sum.inputs[0], sum.inputs[2]);
  EXPECT_EQ(graph.nodes.size(), 6U);
}

TEST(Quantize, ASecondPassReplacesTheFormats) {
  const Graph once = quantize(three_layers(), {{{"seq_blocks_2", integer(8, 8, 8)}}});
  const Graph twice = quantize(once, {{{"seq_blocks_2", integer(4, 4, 4)}}});
  EXPECT_EQ(twice, quantize(three_layers(), {{{"seq_blocks_2", integer(4, 4, 4)}}}));
}

TEST(Quantize, BypassLeavesTheNodeInFloat) {
  NodeQuantization asked = integer(8, 8, 8);
  asked.bypass = true;
  EXPECT_EQ(quantize(three_layers(), {{{"seq_blocks_2", asked}}}), three_layers());
}

TEST(Quantize, BiasMayStayFloat) {
  NodeQuantization asked = integer(8, 8, 8);
  asked[Operand::kBias].clear();
  const Graph graph = quantize(three_layers(), {{{"seq_blocks_2", asked}}});
  const Node& node = graph.nodes[*graph.find("seq_blocks_2")];
  EXPECT_TRUE(node.parameters[0].format);
  EXPECT_FALSE(node.parameters[1].format);
}

TEST(Quantize, ErrorsNameNodeAndKey) {
  NodeQuantization asked = integer(8, 8, 8);
  asked[Operand::kDataIn].clear();
  EXPECT_EQ(error_of("seq_blocks_2", asked), "node seq_blocks_2: quantising linear with integer needs data_in_width");
  asked = integer(8, 8, 8);
  asked[Operand::kWeight] = {{"frac_width", 2}};
  EXPECT_EQ(error_of("seq_blocks_2", asked), "node seq_blocks_2: quantising linear with integer needs weight_width");
  EXPECT_EQ(error_of("seq_blocks_0", integer(8, 8, 8)), "node seq_blocks_0: batch_norm1d cannot be quantised");
  EXPECT_TRUE(error_of("seq_block_2", integer(8, 8, 8)).starts_with("no node \"seq_block_2\" in three; did you mean"));
  EXPECT_TRUE(error_of("seq_blocks_2", integer(0, 8, 8)).starts_with("node seq_blocks_2: data_in: "));
}

TEST(Quantize, TheBaseGraphStaysAsItIs) {
  const Graph base = three_layers();
  const std::string text = to_text(base);
  for (int trial = 0; trial < 1000; ++trial)
    quantize(base, {{{"seq_blocks_2", integer(2 + trial % 7, 8, 8)}, {"seq_blocks_3", integer(4, 4, 4)}}});
  EXPECT_EQ(to_text(base), text);
  EXPECT_EQ(base, three_layers());
}

TEST(Quantize, ScalesForChannelsMustFitANewWidth) {
  Graph graph = parse_text(R"IR(graph "net"
x = input(; shape="[4]") -> [4]
a @ a = linear(x; in_features=4, out_features=2, bias=true) {weight: integer(width=8, scale=[0.5, 0.25], axis=0)} -> [2]
output = output(a) -> [2]
)IR");
  graph.nodes[1].set("out_features", std::int64_t{3});
  EXPECT_EQ(test::error_text<UserError>([&] { infer(graph); }),
            "node a: weight: integer(width=8, frac_width=0, signed=1, scale=[0.5, 0.25], axis=0): 2 numbers for the 3 "
            "indices of dimension 0 of [3, 4]");
}

}  // namespace
}  // namespace lathe::ir
