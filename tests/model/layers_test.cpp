#include "lathe/model/layers.h"

#include <gtest/gtest.h>

#include "ir/chain_graph.h"
#include "lathe/base/error.h"
#include "lathe/model/zoo.h"

namespace lathe::model {
namespace {

ir::Graph made(const std::string& text) { return make_model(config::parse_text(text, "study.toml"), {}); }

std::string error_of(const std::string& text) {
  return ir::test::error_text<UserError>([&] { made(text); });
}

std::string with_layers(const std::string& layers) { return "[model]\nlayers = " + layers + "\n"; }

TEST(Layers, WidthsFollow) {
  const ir::Graph graph = made(R"IR([model]
name = "mine"
layers = [{type = "batch_norm1d", momentum = 0.2}, "relu", {type = "linear", out_features = 8}, "gelu",
          {type = "dropout", p = 0.1, name = "drop"}, "linear"]
)IR");
  EXPECT_EQ(ir::to_text(graph), R"IR(graph "mine"
x = input(; shape="[16]") -> [16]
seq_blocks_0 @ seq_blocks.0 = batch_norm1d(x; num_features=16, eps=1e-05, momentum=0.2) -> [16]
seq_blocks_1 @ seq_blocks.1 = relu(seq_blocks_0) -> [16]
seq_blocks_2 @ seq_blocks.2 = linear(seq_blocks_1; in_features=16, out_features=8, bias=true) -> [8]
seq_blocks_3 @ seq_blocks.3 = gelu(seq_blocks_2; approximate="none") -> [8]
drop @ drop = dropout(seq_blocks_3; p=0.1) -> [8]
seq_blocks_5 @ seq_blocks.5 = linear(drop; in_features=8, out_features=5, bias=true) -> [5]
output = output(seq_blocks_5) -> [5]
)IR");
}

TEST(Layers, ThePrefixNamesTheNodes) {
  EXPECT_TRUE(made("[model]\nprefix = \"net\"\nlayers = [\"linear\"]\n").find("net_0"));
}

TEST(Layers, LayersMayNameWhatTheyRead) {
  const ir::Graph graph = made(R"IR([model]
layers = [{type = "linear", out_features = 16}, "relu", {type = "linear", out_features = 16, name = "branch"},
          {type = "add", inputs = ["seq_blocks.1", "branch", "x"]}, {type = "tanh", inputs = ["add"]},
          {type = "add", inputs = ["seq_blocks.3", "seq_blocks.4"], name = "end.last"}, {type = "linear", inputs = "end.last"}]
)IR");
  EXPECT_EQ(ir::to_text(graph), R"IR(graph "model"
x = input(; shape="[16]") -> [16]
seq_blocks_0 @ seq_blocks.0 = linear(x; in_features=16, out_features=16, bias=true) -> [16]
seq_blocks_1 @ seq_blocks.1 = relu(seq_blocks_0) -> [16]
branch @ branch = linear(seq_blocks_1; in_features=16, out_features=16, bias=true) -> [16]
add = add(seq_blocks_1, branch, x) -> [16]
seq_blocks_4 @ seq_blocks.4 = tanh(add) -> [16]
end_last = add(add, seq_blocks_4) -> [16]
seq_blocks_6 @ seq_blocks.6 = linear(end_last; in_features=16, out_features=5, bias=true) -> [5]
output = output(seq_blocks_6) -> [5]
)IR");
  EXPECT_EQ(ir::parse_text(ir::to_text(graph)), graph);
}

TEST(Layers, ErrorsOfInputsHavePositions) {
  EXPECT_EQ(
      error_of(with_layers("[\"relu\", {type = \"add\", inputs = [\"x\", \"seq_blocks.9\"]}, \"linear\"]")),
      "study.toml:2:19: model.layers[1]: seq_blocks.1: there is no layer \"seq_blocks.9\" before it; did you mean "
      "\"seq_blocks.0\"? (known: x, seq_blocks.0)");
  EXPECT_EQ(error_of(with_layers("[\"relu\", \"add\", \"linear\"]")),
            "study.toml:2:19: model.layers[1]: add reads 2 or more values: name them, as in inputs = "
            "[\"seq_blocks.0\", \"seq_blocks.2\"]");
  EXPECT_EQ(
      error_of(with_layers("[\"relu\", {type = \"linear\", inputs = \"x\"}]")),
      "study.toml:2:10: model.layers: no layer reads seq_blocks.0: it would change nothing; the last layer is the "
      "network's output");
  EXPECT_EQ(error_of(with_layers("[{type = \"linear\", out_features = 3}, {type = \"add\", inputs = [\"x\", "
                                 "\"seq_blocks.0\"]}, \"linear\"]")),
            "study.toml:2:48: model.layers[1]: node add: add reads values of one shape; got [16] and [3]");
}

TEST(Layers, ErrorsHavePositions) {
  EXPECT_TRUE(error_of(with_layers("[\"linaer\"]"))
                  .starts_with("study.toml:2:11: model.layers[0]: unknown layer \"linaer\"; did you mean \"linear\"?"));
  EXPECT_TRUE(error_of(with_layers("[{type = \"linear\", out_feature = 3}]")).find("out_features") !=
              std::string::npos);
  EXPECT_EQ(error_of(with_layers("[]")), "study.toml:2:10: model.layers: must name at least one layer");
  EXPECT_EQ(error_of(with_layers("[{type = \"linear\", out_features = 3}]")),
            "study.toml:2:10: model.layers: the last layer gives 3 values, but the data has 5 classes");
  EXPECT_EQ(error_of(with_layers("[{type = \"linear\", out_features = -3}, \"linear\"]")),
            "study.toml:2:11: model.layers[0]: node seq_blocks_0: in_features and out_features must be at least 1; got "
            "16 and -3");
  EXPECT_EQ(error_of(with_layers("[\"linear\", \"linear\"]")),
            "study.toml:2:11: model.layers[0]: linear needs out_features");
  EXPECT_EQ(error_of("[model]\nname = \"a\"\n"), "study.toml:1:1: model: needs layers = [...]");
}

}  // namespace
}  // namespace lathe::model
