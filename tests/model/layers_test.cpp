#include "lathe/model/layers.h"

#include <gtest/gtest.h>

#include "ir/chain_graph.h"
#include "lathe/base/error.h"
#include "lathe/model/zoo.h"

namespace lathe::model {
namespace {

ir::Graph made(const std::string& text, const ModelRequest& request = {}) {
  return make_model(config::parse_text(text, "study.toml"), request);
}

std::string error_of(const std::string& text, const ModelRequest& request = {}) {
  return ir::test::error_text<UserError>([&] { made(text, request); });
}

const ModelRequest& image() {
  static const ModelRequest request{.input_shape = {1, 8, 8}, .classes = 3};
  return request;
}

const ModelRequest& text_of_words() {
  static const ModelRequest request{.input_shape = {6}, .classes = 2, .vocabulary = 20};
  return request;
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

TEST(Layers, ImagesAreConvolvedAndFlattened) {
  const ir::Graph graph = made(R"IR([model]
layers = [{type = "conv2d", out_channels = 4, kernel_size = 3, padding = [1, 1]}, "batch_norm2d", "relu",
          {type = "max_pool2d", kernel_size = 2}, {type = "conv2d", out_channels = 4, kernel_size = 3, groups = 4},
          {type = "conv2d", out_channels = 6, kernel_size = [1, 2], bias = false},
          {type = "concat", inputs = ["seq_blocks.5", "seq_blocks.5"]}, "flatten", "linear"]
)IR",
                               image());
  EXPECT_EQ(ir::to_text(graph), R"IR(graph "model"
x = input(; shape="[1, 8, 8]") -> [1, 8, 8]
seq_blocks_0 @ seq_blocks.0 = conv2d(x; in_channels=1, out_channels=4, kernel_size=[3, 3], stride=[1, 1], padding=[1, 1], dilation=[1, 1], groups=1, bias=true) -> [4, 8, 8]
seq_blocks_1 @ seq_blocks.1 = batch_norm2d(seq_blocks_0; num_features=4, eps=1e-05, momentum=0.1) -> [4, 8, 8]
seq_blocks_2 @ seq_blocks.2 = relu(seq_blocks_1) -> [4, 8, 8]
seq_blocks_3 @ seq_blocks.3 = max_pool2d(seq_blocks_2; kernel_size=[2, 2], stride=[0, 0], padding=[0, 0], ceil_mode=false) -> [4, 4, 4]
seq_blocks_4 @ seq_blocks.4 = conv2d(seq_blocks_3; in_channels=4, out_channels=4, kernel_size=[3, 3], stride=[1, 1], padding=[0, 0], dilation=[1, 1], groups=4, bias=true) -> [4, 2, 2]
seq_blocks_5 @ seq_blocks.5 = conv2d(seq_blocks_4; in_channels=4, out_channels=6, kernel_size=[1, 2], stride=[1, 1], padding=[0, 0], dilation=[1, 1], groups=1, bias=false) -> [6, 2, 1]
cat = concat(seq_blocks_5, seq_blocks_5) -> [12, 2, 1]
seq_blocks_7 @ seq_blocks.7 = flatten(cat) -> [24]
seq_blocks_8 @ seq_blocks.8 = linear(seq_blocks_7; in_features=24, out_features=3, bias=true) -> [3]
output = output(seq_blocks_8) -> [3]
)IR");
  EXPECT_EQ(ir::parse_text(ir::to_text(graph)), graph);
}

TEST(Layers, TheDataSaysTheVocabularyOfTexts) {
  const std::string layers = R"IR([model]
layers = [{type = "embedding", embedding_dim = 4}, "position_embedding", "layer_norm",
          {type = "linear", out_features = 4, name = "q"},
          {type = "attention", num_heads = 2, inputs = ["q", "seq_blocks.2", "seq_blocks.2"]}, )IR";
  const ir::Graph graph = made(layers + "\"mean\", \"linear\"]\n", text_of_words());
  EXPECT_EQ(graph.nodes[1].integer("num_embeddings"), 20);
  EXPECT_EQ(graph.nodes[2].integer("positions"), 6);
  EXPECT_EQ(graph.nodes[3].integer("normalized_shape"), 4);
  EXPECT_EQ(graph.output().output_shape, Shape{2});
  const ModelRequest each{.input_shape = {6}, .classes = 20, .vocabulary = 20, .positions = 6};
  EXPECT_EQ(made(layers + "\"linear\"]\n", each).output().output_shape, (Shape{6, 20}));
  EXPECT_EQ(error_of(with_layers("[{type = \"embedding\", embedding_dim = 4}, \"mean\", \"linear\"]"), each),
            "study.toml:2:10: model.layers: the last layer gives values of shape [20]; the data asks for [6, 20]");
}

TEST(Layers, ErrorsOfImagesHaveAdvice) {
  const std::string convolution = "{type = \"conv2d\", out_channels = 4, kernel_size = 3}";
  EXPECT_EQ(error_of(with_layers("[" + convolution + ", \"linear\"]"), image()),
            "study.toml:2:65: model.layers[1]: seq_blocks.1: linear reads features, and seq_blocks.0 gives [4, 6, 6]: "
            "put a flatten between them");
  EXPECT_EQ(error_of(with_layers("[\"linear\"]"), image()),
            "study.toml:2:11: model.layers[0]: seq_blocks.0: linear reads features, and x gives [1, 8, 8]: put a "
            "flatten between them");
  EXPECT_EQ(error_of(with_layers("[" + convolution + ", \"flatten\", \"linear\"]")),
            "study.toml:2:11: model.layers[0]: node seq_blocks_0: conv2d reads [channels, height, width]; got [16]");
  EXPECT_EQ(
      error_of(with_layers("[{type = \"embedding\", embedding_dim = 4}, \"mean\", \"linear\"]")),
      "study.toml:2:11: model.layers[0]: node seq_blocks_0: embedding needs the attribute num_embeddings (rows of "
      "the table: the tokens that there are)");
  EXPECT_EQ(error_of(with_layers("[{type = \"conv2d\", out_channels = 4, kernel_size = [3, 3, 3]}, \"flatten\", "
                                 "\"linear\"]"),
                     image()),
            "study.toml:2:11: model.layers[0]: node seq_blocks_0: kernel_size must be one integer or 2; got [3, 3, 3]");
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
