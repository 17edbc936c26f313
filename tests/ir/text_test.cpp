#include <gtest/gtest.h>

#include <limits>

#include "lathe/base/error.h"
#include "lathe/ir/op.h"

namespace lathe::ir {
namespace {

constexpr const char* kTiny = R"IR(graph "tiny"
x = input(; shape="[16]") -> [16]
seq_blocks_0 @ seq_blocks.0 = batch_norm1d(x; num_features=16, eps=1e-05, momentum=0.1) -> [16]
seq_blocks_1 @ seq_blocks.1 = relu(seq_blocks_0) -> [16]
seq_blocks_2_data_in = quantize(seq_blocks_1; format="integer(width=8, frac_width=4, signed=1)") -> [16]
seq_blocks_2 @ seq_blocks.2 = linear(seq_blocks_2_data_in; in_features=16, out_features=5, bias=true) {weight: integer(width=4, frac_width=2, signed=1), bias: integer(width=8, frac_width=4, signed=1)} -> [5]
output = output(seq_blocks_2) -> [5]
)IR";

std::string error_of(const std::string& text) {
  try {
    parse_text(text);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Text, ReadsWhatItPrints) {
  const Graph graph = parse_text(kTiny);
  EXPECT_EQ(to_text(graph), kTiny);
  EXPECT_EQ(parse_text(to_text(graph)), graph);
}

TEST(Text, LeavesTheNameOutForCandidateKeys) {
  const Graph graph = parse_text(kTiny);
  EXPECT_EQ("graph \"tiny\"\n" + to_text(graph, false), to_text(graph));
}

TEST(Text, KeepsEveryBitOfNumbers) {
  for (const double slope : {0.1, 1.0, 1e-300, 0.1 + 0.2, 123456789.0, 1e22, -0.0}) {
    GraphBuilder builder("net", {4});
    builder.add("leaky_relu", "act", {{"negative_slope", slope}});
    const Graph graph = std::move(builder).finish();
    EXPECT_EQ(parse_text(to_text(graph)), graph) << to_text(graph);
  }
}

TEST(Text, KeepsQuotesInNames) {
  GraphBuilder builder("a \"quoted\" \\ name\nand a line", {4});
  builder.add("relu", "act");
  const Graph graph = std::move(builder).finish();
  EXPECT_EQ(parse_text(to_text(graph)), graph);
}

TEST(Text, NamesLineAndReason) {
  const std::string x = "graph \"g\"\nx = input(; shape=\"[4]\") -> [4]\n";
  EXPECT_TRUE(error_of(x + "a @ a = relo(x) -> [4]\n")
                  .starts_with("graph text, line 3: unknown op \"relo\"; did you mean \"relu\"?"));
  EXPECT_TRUE(error_of(x + "a @ a = relu(y) -> [4]\n").starts_with("graph text, line 3: no earlier node \"y\""));
  EXPECT_EQ(error_of(x + "a @ a = relu(x) -> [5]\n"), "graph text, line 3: the node computes [4]; the text says [5]");
  EXPECT_EQ(error_of(x + "a @ a relu(x) -> [5]\n"), "graph text, line 3: column 7: expected \"=\"");
  const std::string layer = " @ a = linear(x; in_features=4, out_features=4, bias=true) -> [4]\n";
  EXPECT_EQ(error_of(x + "a" + layer + "b" + layer), "graph text, line 4: two nodes have the module path a");
  const std::string end = "output = output(x) -> [4]\n";
  EXPECT_EQ(error_of(x + "y = input(; shape=\"[4]\") -> [4]\n" + end), "graph text: node y is a second input");
  EXPECT_EQ(error_of(x + "y = output(x) -> [4]\n" + end), "graph text: node y is a second output");
  EXPECT_EQ(error_of(x), "graph text: the first node must be x = input(...), the last output = output(...)");
  EXPECT_EQ(error_of(x + "a @ a = linear(x; in_features=4, out_features=2) {gamma: integer(width=8, frac_width=4, "
                         "signed=1)} -> [2]\n"),
            "graph text, line 3: linear has no trainable parameter \"gamma\"");
}

TEST(Text, RefusesTruncatedText) {
  const std::string text = kTiny;
  for (std::size_t length = 0; length + 1 < text.size(); ++length)
    EXPECT_THROW(parse_text(text.substr(0, length)), UserError) << length;
}

}  // namespace
}  // namespace lathe::ir
