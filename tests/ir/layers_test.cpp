#include <gtest/gtest.h>

#include "ir/chain_graph.h"
#include "lathe/base/error.h"
#include "lathe/ir/op.h"
#include "lathe/ir/report.h"

/// Shapes, parameters, costs and errors of the ops on images and text; the plain ones are in ops_test.cpp.
namespace lathe::ir {
namespace {

using Attributes = std::vector<Attribute>;

Attribute number(const char* name, std::int64_t value) { return {name, value}; }

/// Makes a network of one op; `count` inputs are all the network's own.
Graph one_node(const std::string& op, Attributes attributes, Shape input, std::size_t count = 1) {
  GraphBuilder builder("net", std::move(input));
  builder.add(op, "layer", std::move(attributes), std::vector<std::size_t>(count, 0));
  return std::move(builder).finish();
}

std::string error_of(const std::string& op, Attributes attributes, Shape input, std::size_t count = 1) {
  return test::error_text<UserError>([&] { one_node(op, std::move(attributes), std::move(input), count); });
}

Shape shape_of(const std::string& op, Attributes attributes, Shape input, std::size_t count = 1) {
  return one_node(op, std::move(attributes), std::move(input), count).output().output_shape;
}

OpCost cost_of(const Graph& graph) {
  return op_of(graph.nodes[1]).cost(graph.nodes[1], input_shapes(graph, graph.nodes[1]));
}

std::string text_of(const Graph& graph) { return op_of(graph.nodes[1]).module_text(graph.nodes[1]); }

Attributes conv(std::int64_t in, std::int64_t out, std::int64_t kernel, Attributes more = {}) {
  Attributes attributes = {number("in_channels", in), number("out_channels", out), number("kernel_size", kernel)};
  attributes.insert(attributes.end(), more.begin(), more.end());
  return attributes;
}

TEST(Layers, ConvolutionShapesParametersAndCost) {
  const Graph graph = one_node("conv2d", conv(3, 128, 3, {number("padding", 1), {"bias", false}}), {3, 32, 32});
  const Node& node = graph.nodes[1];
  EXPECT_EQ(node.output_shape, (Shape{128, 32, 32}));
  ASSERT_EQ(node.parameters.size(), 1U);
  EXPECT_EQ(node.parameters[0].shape, (Shape{128, 3, 3, 3}));
  EXPECT_EQ(node.parameters[0].fan_in, 27);
  EXPECT_EQ(node.parameters[0].output_axis, 0);
  EXPECT_EQ(node.parameters[0].input_axis, 1);
  EXPECT_EQ(cost_of(graph).macs, 128 * 32 * 32 * 27);
  EXPECT_EQ(cost_of(graph).flops, 128 * 32 * 32 * 27);
  EXPECT_EQ(cost_of(graph).backward_flops, 2 * 3 * 32 * 32 * 27);
  EXPECT_EQ(cost_of(graph).lab_parameters, 128 * 27);
  EXPECT_EQ(text_of(graph), "Conv2d(3, 128, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)");
  EXPECT_EQ(parse_text(to_text(graph)), graph);
}

TEST(Layers, ConvolutionGeometry) {
  EXPECT_EQ(shape_of("conv2d", conv(3, 8, 3, {number("stride", 2)}), {3, 8, 7}), (Shape{8, 3, 3}));
  EXPECT_EQ(shape_of("conv2d", conv(3, 8, 3, {{"dilation", Shape{2, 1}}}), {3, 8, 8}), (Shape{8, 4, 6}));
  EXPECT_EQ(shape_of("conv1d", conv(3, 8, 5, {number("padding", 2)}), {3, 9}), (Shape{8, 9}));
  const Graph depthwise = one_node("conv2d", conv(4, 8, 3, {number("groups", 4)}), {4, 5, 5});
  EXPECT_EQ(depthwise.nodes[1].parameters[0].shape, (Shape{8, 1, 3, 3}));
  EXPECT_EQ(depthwise.nodes[1].parameters[0].input_axis, -1);
  EXPECT_EQ(cost_of(depthwise).macs, 8 * 9 * 9);
  EXPECT_EQ(op_of(depthwise.nodes[1]).rule_of(depthwise.nodes[1]), ChannelRule::kFollows);
  EXPECT_EQ(text_of(depthwise), "Conv2d(4, 8, kernel_size=(3, 3), stride=(1, 1), groups=4)");
  EXPECT_EQ(text_of(one_node("conv1d", conv(3, 8, 3, {number("dilation", 2)}), {3, 9})),
            "Conv1d(3, 8, kernel_size=(3,), stride=(1,), dilation=(2,))");
}

TEST(Layers, ConvolutionErrors) {
  EXPECT_EQ(error_of("conv2d", conv(3, 8, 3), {784}), "node layer: conv2d reads [channels, height, width]; got [784]");
  EXPECT_EQ(error_of("conv1d", conv(3, 8, 3), {3, 4, 4}), "node layer: conv1d reads [channels, length]; got [3, 4, 4]");
  EXPECT_EQ(error_of("conv2d", conv(3, 8, 3), {1, 8, 8}), "node layer: in_channels = 3, but its input has 1 channels");
  EXPECT_EQ(error_of("conv2d", conv(3, 0, 3), {3, 8, 8}),
            "node layer: in_channels and out_channels must be at least 1; got 3 and 0");
  EXPECT_EQ(error_of("conv2d", conv(3, 8, 3, {number("groups", 2)}), {3, 8, 8}),
            "node layer: groups = 2 must divide in_channels = 3 and out_channels = 8");
  EXPECT_EQ(
      error_of("conv2d", conv(3, 8, 5), {3, 4, 4}),
      "node layer: a kernel_size of [5, 5] (dilation [1, 1]) does not fit into [3, 4, 4] with a padding of [0, 0]");
  EXPECT_EQ(error_of("conv2d", conv(3, 8, 3, {number("stride", 0)}), {3, 8, 8}),
            "node layer: stride must be at least 1; got [0, 0]");
  EXPECT_EQ(error_of("conv2d", conv(3, 8, 3, {{"stride", Shape{1, 1, 1}}}), {3, 8, 8}),
            "node layer: stride must be one integer or 2; got [1, 1, 1]");
}

TEST(Layers, Pools) {
  const Attributes two = {number("kernel_size", 2)};
  EXPECT_EQ(shape_of("max_pool2d", two, {3, 9, 8}), (Shape{3, 4, 4}));
  EXPECT_EQ(shape_of("max_pool2d", {number("kernel_size", 2), {"ceil_mode", true}}, {3, 9, 8}), (Shape{3, 5, 4}));
  EXPECT_EQ(shape_of("avg_pool2d", {number("kernel_size", 3), number("stride", 2), number("padding", 1)}, {3, 8, 8}),
            (Shape{3, 4, 4}));
  EXPECT_EQ(shape_of("max_pool1d", two, {3, 9}), (Shape{3, 4}));
  EXPECT_EQ(shape_of("avg_pool1d", two, {3, 9}), (Shape{3, 4}));
  EXPECT_EQ(shape_of("adaptive_avg_pool2d", {number("output_size", 1)}, {3, 9, 7}), (Shape{3, 1, 1}));
  EXPECT_EQ(shape_of("adaptive_avg_pool1d", {number("output_size", 4)}, {3, 9}), (Shape{3, 4}));
  EXPECT_EQ(cost_of(one_node("max_pool2d", two, {3, 8, 8})).flops, 3 * 16 * 4);
  EXPECT_EQ(cost_of(one_node("max_pool2d", two, {3, 8, 8})).backward_flops, 3 * 64 * 4);
  EXPECT_EQ(cost_of(one_node("adaptive_avg_pool2d", {number("output_size", 1)}, {3, 8, 8})).flops, 3 * 64);
  EXPECT_EQ(text_of(one_node("max_pool2d", two, {3, 8, 8})),
            "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)");
  EXPECT_EQ(text_of(one_node("avg_pool2d", {{"kernel_size", Shape{2, 3}}}, {3, 8, 8})),
            "AvgPool2d(kernel_size=(2, 3), stride=(2, 3), padding=0)");
  EXPECT_EQ(text_of(one_node("avg_pool1d", two, {3, 8})), "AvgPool1d(kernel_size=(2,), stride=(2,), padding=(0,))");
  EXPECT_EQ(text_of(one_node("adaptive_avg_pool2d", {number("output_size", 1)}, {3, 8, 8})),
            "AdaptiveAvgPool2d(output_size=(1, 1))");
  EXPECT_EQ(error_of("max_pool2d", {number("kernel_size", 2), number("padding", 2)}, {3, 8, 8}),
            "node layer: padding must be at most half of kernel_size; got [2, 2] and [2, 2]");
  EXPECT_EQ(error_of("adaptive_avg_pool2d", {number("output_size", 0)}, {3, 8, 8}),
            "node layer: output_size must be at least 1; got [0, 0]");
}

TEST(Layers, Upsample) {
  const Graph graph = one_node("upsample", {number("scale_factor", 2)}, {3, 4, 5});
  EXPECT_EQ(graph.output().output_shape, (Shape{3, 8, 10}));
  EXPECT_EQ(text_of(graph), "Upsample(scale_factor=2.0, mode='nearest')");
  EXPECT_EQ(error_of("upsample", {{"mode", std::string("cubic")}, number("scale_factor", 2)}, {3, 4, 4}),
            "node layer: mode must be \"nearest\" or \"bilinear\"; got \"cubic\"");
}

TEST(Layers, Norms) {
  const Graph image = one_node("batch_norm2d", {number("num_features", 3)}, {3, 4, 4});
  EXPECT_EQ(image.nodes[1].parameters.size(), 5U);
  EXPECT_EQ(image.nodes[1].parameters[2].output_axis, 0);
  EXPECT_EQ(image.nodes[1].parameters[4].output_axis, -1);
  EXPECT_EQ(cost_of(image).flops, 4 * 48);
  EXPECT_EQ(text_of(image), "BatchNorm2d(3, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)");
  EXPECT_EQ(shape_of("batch_norm1d", {number("num_features", 3)}, {3, 7}), (Shape{3, 7}));
  EXPECT_EQ(error_of("batch_norm1d", {number("num_features", 3)}, {3, 4, 4}),
            "node layer: batch_norm1d reads [features] or [channels, length]; got [3, 4, 4]");
  EXPECT_EQ(error_of("batch_norm2d", {number("num_features", 4)}, {3, 4, 4}),
            "node layer: num_features = 4, but its input has 3 channels");
  const Graph text = one_node("layer_norm", {number("normalized_shape", 8)}, {6, 8});
  EXPECT_EQ(cost_of(text).flops, 5 * 48);
  EXPECT_EQ(text_of(text), "LayerNorm((8,), eps=1e-05, elementwise_affine=True)");
  EXPECT_EQ(error_of("layer_norm", {number("normalized_shape", 6)}, {6, 8}),
            "node layer: normalized_shape = 6, but the last dimension of its input is that of [6, 8]");
}

TEST(Layers, SumsProductsAndConcatenation) {
  EXPECT_EQ(shape_of("concat", {}, {3, 4, 4}, 3), (Shape{9, 4, 4}));
  EXPECT_EQ(shape_of("concat", {}, {6, 8}, 2), (Shape{6, 16}));
  EXPECT_EQ(shape_of("concat", {}, {5}, 2), Shape{10});
  EXPECT_EQ(shape_of("mul", {}, {3, 4, 4}, 2), (Shape{3, 4, 4}));
  GraphBuilder builder("net", {3, 4, 4});
  builder.add("max_pool2d", "", {number("kernel_size", 2)});
  EXPECT_EQ(test::error_text<UserError>([&] {
              builder.add("concat", "", {}, {0, 1});
            }),
            "node cat: concat reads values that differ in their channels alone; got [3, 4, 4] and [3, 2, 2]");
  EXPECT_EQ(test::error_text<UserError>([&] {
              builder.add("mul", "", {}, {0, 1});
            }),
            "node mul: mul reads values of one shape; got [3, 4, 4] and [3, 2, 2]");
}

TEST(Layers, OrderOfDimensions) {
  EXPECT_EQ(shape_of("reshape", {{"shape", Shape{12, 4}}}, {3, 4, 4}), (Shape{12, 4}));
  EXPECT_EQ(error_of("reshape", {{"shape", Shape{5}}}, {3, 4, 4}),
            "node layer: shape [5] has 5 values, but its input [3, 4, 4] has 48");
  EXPECT_EQ(shape_of("permute", {{"dims", Shape{1, 2, 0}}}, {3, 4, 5}), (Shape{4, 5, 3}));
  EXPECT_EQ(error_of("permute", {{"dims", Shape{1, 1, 0}}}, {3, 4, 5}),
            "node layer: dims must name every per-sample dimension of [3, 4, 5] once, from 0; got [1, 1, 0]");
  EXPECT_EQ(shape_of("mean", {}, {3, 4, 5}), Shape{3});
  EXPECT_EQ(shape_of("mean", {}, {6, 8}), Shape{8});
  EXPECT_EQ(error_of("mean", {}, {8}),
            "node layer: mean reads [tokens, features] or [channels, height, width]; got [8]");
}

TEST(Layers, Text) {
  const Graph words = one_node("embedding", {number("num_embeddings", 11), number("embedding_dim", 4)}, {6});
  EXPECT_EQ(words.output().output_shape, (Shape{6, 4}));
  EXPECT_EQ(words.nodes[1].parameters[0].shape, (Shape{11, 4}));
  EXPECT_EQ(words.nodes[1].parameters[0].initializer, Initializer::kNormal);
  EXPECT_EQ(words.nodes[1].parameters[0].output_axis, 1);
  EXPECT_EQ(text_of(words), "Embedding(11, 4)");
  EXPECT_EQ(shape_of("linear", {number("in_features", 8), number("out_features", 3)}, {6, 8}), (Shape{6, 3}));
  EXPECT_EQ(cost_of(one_node("linear", {number("in_features", 8), number("out_features", 3)}, {6, 8})).macs, 6 * 24);
  EXPECT_EQ(shape_of("position_embedding", {number("positions", 9), number("features", 8)}, {6, 8}), (Shape{6, 8}));
  EXPECT_EQ(error_of("position_embedding", {number("positions", 5), number("features", 8)}, {6, 8}),
            "node layer: positions = 5, but its input has 6 tokens");
  EXPECT_EQ(error_of("embedding", {number("num_embeddings", 11), number("embedding_dim", 4)}, {6, 8}),
            "node layer: embedding reads [tokens], whole numbers; got [6, 8]");
}

TEST(Layers, ProductsAndAttention) {
  EXPECT_EQ(shape_of("matmul", {{"transpose_b", true}}, {2, 6, 8}, 2), (Shape{2, 6, 6}));
  EXPECT_EQ(cost_of(one_node("matmul", {{"transpose_b", true}}, {2, 6, 8}, 2)).macs, 2 * 6 * 6 * 8);
  EXPECT_EQ(error_of("matmul", {}, {6, 8}, 2),
            "node layer: matmul reads [.., m, k] and [.., k, n]; got [6, 8] and [6, 8]");
  EXPECT_EQ(text_of(one_node("softmax", {}, {6, 8})), "Softmax(dim=-1)");
  const Graph graph = one_node("attention", {number("num_heads", 2)}, {6, 8}, 3);
  EXPECT_EQ(graph.output().output_shape, (Shape{6, 8}));
  EXPECT_EQ(cost_of(graph).macs, 2 * 6 * 6 * 8);
  EXPECT_EQ(error_of("attention", {number("num_heads", 3)}, {6, 8}, 3),
            "node layer: num_heads = 3 must divide its 8 features");
}

TEST(Layers, FunctionsAreCalledAndPrintedAsTorchFxDoes) {
  GraphBuilder builder("net", {3, 4, 4});
  builder.add("concat", "", {}, {0, 0});
  builder.add("concat", "", {}, {0, 1});
  builder.add("permute", "", {{"dims", Shape{1, 2, 0}}});
  builder.add("reshape", "", {{"shape", Shape{16, 9}}});
  builder.add("attention", "", {number("num_heads", 3)}, {4, 4, 4});
  builder.add("mean", "");
  const std::string text = fx_text(std::move(builder).finish());
  EXPECT_EQ(text,
            "graph():\n"
            "    %x : [num_users=2] = placeholder[target=x]\n"
            "    %cat : [num_users=1] = call_function[target=torch.cat](args = (%x, %x), kwargs = {})\n"
            "    %cat_1 : [num_users=1] = call_function[target=torch.cat](args = (%x, %cat), kwargs = {})\n"
            "    %permute : [num_users=1] = call_function[target=torch.permute](args = (%cat_1,), kwargs = {dims: [1, "
            "2, 0]})\n"
            "    %reshape : [num_users=1] = call_function[target=torch.reshape](args = (%permute,), kwargs = {shape: "
            "[16, 9]})\n"
            "    %scaled_dot_product_attention : [num_users=1] = "
            "call_function[target=torch.nn.functional.scaled_dot_product_attention](args = (%reshape, %reshape, "
            "%reshape), kwargs = {num_heads: 3, causal: False})\n"
            "    %mean : [num_users=1] = call_function[target=torch.mean](args = (%scaled_dot_product_attention,), "
            "kwargs = {})\n"
            "    return mean\n");
}

TEST(Layers, ContainersArePrintedWithinContainers) {
  GraphBuilder builder("net", {4});
  builder.add("relu", "stem");
  builder.add("relu", "layer1.0.act1");
  builder.add("relu", "layer1.0.act2");
  builder.add("relu", "layer1.1.act1");
  builder.add("relu", "layer2.act");
  builder.add("relu", "end");
  EXPECT_EQ(module_text(std::move(builder).finish()),
            "net(\n  (stem): ReLU()\n  (layer1): Sequential(\n    (0): Sequential(\n      (act1): ReLU()\n"
            "      (act2): ReLU()\n    )\n    (1): Sequential(\n      (act1): ReLU()\n    )\n  )\n"
            "  (layer2): Sequential(\n    (act): ReLU()\n  )\n  (end): ReLU()\n)\n");
}

}  // namespace
}  // namespace lathe::ir
