#include "lathe/ir/analysis/value_formats.h"

#include <gtest/gtest.h>

#include <cmath>

namespace lathe::ir {
namespace {

Graph quantised() {
  return parse_text(R"IR(graph "net"
x = input(; shape="[4, 3]") -> [4, 3]
q = quantize(x; format="integer(width=8, frac_width=4, signed=1)") -> [4, 3]
flat = flatten(q) -> [12]
a @ a = linear(flat; in_features=12, out_features=3, bias=true) {weight: integer(width=4, frac_width=3, signed=1), bias: integer(width=6, frac_width=2, signed=1)} -> [3]
r = relu(a) -> [3]
p = quantize(r; format="block_floating(width=4, exponent_width=8, block=[2])") -> [3]
b @ b = linear(p; in_features=3, out_features=2, bias=false) {weight: integer(width=4, frac_width=3, signed=1)} -> [2]
output = output(b) -> [2]
)IR");
}

const NodeFormats& formats_of(const Graph& graph, const std::vector<NodeFormats>& formats, const std::string& node) {
  return formats[*graph.find(node)];
}

TEST(ValueFormats, FollowValuesThatAreMoved) {
  const Graph graph = quantised();
  const auto formats = value_formats(graph);
  EXPECT_FALSE(formats_of(graph, formats, "x").output.quantised());
  EXPECT_TRUE(std::isinf(formats_of(graph, formats, "x").output.range.second));
  const ValueFormat& read = formats_of(graph, formats, "a").inputs.at(0);
  ASSERT_TRUE(read.quantised());
  EXPECT_EQ(read.bits, 8);
  EXPECT_EQ(read.step, 0.0625);
  EXPECT_EQ(read.range, (std::pair{-8.0, 7.9375}));
  EXPECT_FALSE(formats_of(graph, formats, "r").output.quantised());
  EXPECT_EQ(formats_of(graph, formats, "b").inputs.at(0).bits, 8.0);  // 4 and a half of the shared exponent's 8
  EXPECT_FALSE(formats_of(graph, formats, "b").inputs.at(0).step);
}

TEST(ValueFormats, FindOperands) {
  const Graph graph = quantised();
  const auto formats = value_formats(graph);
  const Node& a = graph.nodes[*graph.find("a")];
  EXPECT_EQ(formats_of(graph, formats, "a").find(a, Operand::kWeight)->bits, 4);
  EXPECT_EQ(formats_of(graph, formats, "a").find(a, Operand::kBias)->bits, 6);
  EXPECT_EQ(formats_of(graph, formats, "a").find(a, Operand::kDataIn)->bits, 8);
  const Node& b = graph.nodes[*graph.find("b")];
  EXPECT_EQ(formats_of(graph, formats, "b").find(b, Operand::kBias), nullptr);
}

TEST(ValueFormats, AccumulatorsHoldEverySum) {
  const Graph graph = quantised();
  const auto formats = value_formats(graph);
  // 12 products of at most 128 x 8 and a bias of 32 steps of 1/4, in steps of 1/128: 12 x 1024 + 32 x 32 = 13312.
  EXPECT_EQ(formats_of(graph, formats, "a").accumulator_bits, 1 + 14);
  EXPECT_FALSE(formats_of(graph, formats, "b").accumulator_bits);
  EXPECT_FALSE(formats_of(graph, formats, "r").accumulator_bits);
}

}  // namespace
}  // namespace lathe::ir
