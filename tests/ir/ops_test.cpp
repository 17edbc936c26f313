#include <gtest/gtest.h>

#include <set>

#include "ir/chain_graph.h"
#include "lathe/base/error.h"
#include "lathe/ir/op.h"

namespace lathe::ir {
namespace {

Graph one_node(const std::string& op, std::vector<Attribute> attributes, Shape input = {4}) {
  GraphBuilder builder("net", std::move(input));
  builder.add(op, "layer", std::move(attributes));
  return std::move(builder).finish();
}

std::string error_of(const std::string& op, std::vector<Attribute> attributes, Shape input = {4}) {
  try {
    one_node(op, std::move(attributes), std::move(input));
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Ops, DeclarationsAreComplete) {
  std::set<std::string> names;
  for (const OpDeclaration& op : op_declarations()) {
    EXPECT_TRUE(names.insert(op.name).second) << op.name;
    EXPECT_FALSE(op.description.empty()) << op.name;
    EXPECT_TRUE(op.output_shape && op.parameters && op.cost && op.module_text) << op.name;
    EXPECT_EQ(op.channel_rule == ChannelRule::kProduces, !op.output_width_attribute.empty()) << op.name;
    EXPECT_EQ(find_op(op.name), &op);
  }
  EXPECT_EQ(find_op("conv9d"), nullptr);
}

TEST(Ops, LinearShapesParametersAndCost) {
  const Graph graph = one_node("linear", {{"in_features", std::int64_t{4}}, {"out_features", std::int64_t{3}}});
  const Node& node = graph.nodes[1];
  EXPECT_EQ(node.output_shape, Shape{3});
  ASSERT_EQ(node.parameters.size(), 2U);
  EXPECT_EQ(node.parameters[0].shape, (Shape{3, 4}));
  EXPECT_EQ(node.parameters[0].fan_in, 4);
  EXPECT_EQ(node.parameters[1].fan_in, 4);
  const OpCost cost = op_of(node).cost(node, input_shapes(graph, node));
  EXPECT_EQ(cost.macs, 12);
  EXPECT_EQ(cost.flops, 12);
  EXPECT_EQ(cost.backward_flops, 24);
  EXPECT_EQ(cost.lab_parameters, 12);
  EXPECT_EQ(op_of(node).module_text(node), "Linear(in_features=4, out_features=3, bias=True)");
}

TEST(Ops, LinearWithoutBias) {
  const Graph graph =
      one_node("linear", {{"in_features", std::int64_t{4}}, {"out_features", std::int64_t{3}}, {"bias", false}});
  EXPECT_EQ(graph.nodes[1].parameters.size(), 1U);
}

TEST(Ops, BatchNormParametersInTorchOrder) {
  const Graph graph = one_node("batch_norm1d", {{"num_features", std::int64_t{4}}});
  std::vector<std::string> names;
  for (const Parameter& parameter : graph.nodes[1].parameters) names.push_back(parameter.name);
  EXPECT_EQ(names, (std::vector<std::string>{"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}));
  EXPECT_EQ(op_of(graph.nodes[1]).module_text(graph.nodes[1]),
            "BatchNorm1d(4, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)");
}

TEST(Ops, ElementwiseOpsKeepTheShape) {
  for (const char* op : {"relu", "leaky_relu", "tanh", "sigmoid", "gelu", "dropout", "identity", "relu6", "silu",
                         "hardswish", "hardsigmoid", "hardtanh", "elu", "selu", "softplus"}) {
    EXPECT_EQ(one_node(op, {}).output().output_shape, Shape{4}) << op;
    EXPECT_EQ(one_node(op, {}, {3, 2, 2}).output().output_shape, (Shape{3, 2, 2})) << op;
  }
}

TEST(Ops, FlattenJoinsDimensions) { EXPECT_EQ(one_node("flatten", {}, {3, 2, 2}).output().output_shape, Shape{12}); }

TEST(Ops, ModuleTexts) {
  const auto text = [](const std::string& op, std::vector<Attribute> attributes) {
    const Graph graph = one_node(op, std::move(attributes));
    return op_of(graph.nodes[1]).module_text(graph.nodes[1]);
  };
  EXPECT_EQ(text("relu", {}), "ReLU()");
  EXPECT_EQ(text("leaky_relu", {}), "LeakyReLU(negative_slope=0.01)");
  EXPECT_EQ(text("tanh", {}), "Tanh()");
  EXPECT_EQ(text("sigmoid", {}), "Sigmoid()");
  EXPECT_EQ(text("gelu", {}), "GELU(approximate='none')");
  EXPECT_EQ(text("relu6", {}), "ReLU6()");
  EXPECT_EQ(text("silu", {}), "SiLU()");
  EXPECT_EQ(text("hardswish", {}), "Hardswish()");
  EXPECT_EQ(text("hardsigmoid", {}), "Hardsigmoid()");
  EXPECT_EQ(text("hardtanh", {{"max_val", 6.0}}), "Hardtanh(min_val=-1.0, max_val=6.0)");
  EXPECT_EQ(text("elu", {}), "ELU(alpha=1.0)");
  EXPECT_EQ(text("selu", {}), "SELU()");
  EXPECT_EQ(text("softplus", {}), "Softplus(beta=1.0, threshold=20.0)");
  EXPECT_EQ(text("dropout", {{"p", 0.5}}), "Dropout(p=0.5, inplace=False)");
  EXPECT_EQ(text("flatten", {}), "Flatten(start_dim=1, end_dim=-1)");
  EXPECT_EQ(text("identity", {}), "Identity()");
}

TEST(Ops, ErrorsNameTheNodeAndTheReason) {
  EXPECT_EQ(error_of("linear", {{"in_features", std::int64_t{5}}, {"out_features", std::int64_t{3}}}),
            "node layer: in_features = 5, but its input has 4 features");
  EXPECT_EQ(error_of("linear", {{"in_features", std::int64_t{4}}, {"out_features", std::int64_t{0}}}),
            "node layer: in_features and out_features must be at least 1; got 4 and 0");
  EXPECT_EQ(error_of("linear", {{"in_features", std::int64_t{12}}, {"out_features", std::int64_t{3}}}, {3, 2, 2}),
            "node layer: linear reads [features] or [tokens, features]; got [3, 2, 2] (put a flatten before it)");
  EXPECT_EQ(error_of("linear", {{"in_features", std::int64_t{4}}}),
            "node layer: linear needs the attribute out_features (output width)");
  EXPECT_EQ(error_of("batch_norm1d", {{"num_features", std::int64_t{5}}}),
            "node layer: num_features = 5, but its input has 4 features");
  EXPECT_EQ(error_of("dropout", {{"p", 1.0}}), "node layer: p must be in [0, 1); got 1");
  EXPECT_EQ(error_of("dropout", {{"p", true}}), "node layer: p must be a number; got a boolean");
  EXPECT_EQ(error_of("gelu", {{"approximate", std::string("erf")}}),
            "node layer: approximate must be \"none\" or \"tanh\"; got \"erf\"");
  EXPECT_EQ(error_of("hardtanh", {{"min_val", 2.0}}), "node layer: min_val must be below max_val; got 2 and 1");
  EXPECT_EQ(error_of("softplus", {{"beta", 0.0}}), "node layer: beta must be above 0; got 0");
  EXPECT_EQ(error_of("relu", {{"slope", 1.0}}).substr(0, 41), "node layer: relu has no attribute \"slope\"");
}

TEST(Ops, AddSumsValuesOfOneShape) {
  GraphBuilder builder("net", {4});
  const std::size_t a = builder.add("relu", "a");
  const std::size_t b = builder.add("tanh", "b");
  const std::size_t sum = builder.add("add", "", {}, {0, a, b});
  builder.add("add", "", {}, {sum, sum});
  const Graph graph = std::move(builder).finish();
  const Node& node = graph.nodes[sum];
  EXPECT_EQ(node.name, "add");
  EXPECT_EQ(graph.nodes[sum + 1].name, "add_1");
  EXPECT_EQ(node.output_shape, Shape{4});
  EXPECT_TRUE(node.parameters.empty());
  EXPECT_EQ(op_of(node).module_text(node), "operator.add");
  const OpCost cost = op_of(node).cost(node, input_shapes(graph, node));
  EXPECT_EQ(cost.macs, 0);
  EXPECT_EQ(cost.flops, 8);
  EXPECT_EQ(cost.backward_flops, 8);
  EXPECT_EQ(graph.users(sum), std::vector<std::size_t>{sum + 1});
  EXPECT_EQ(parse_text(to_text(graph)), graph);
}

TEST(Ops, AddRefusesOtherShapesAndOneInput) {
  const auto error = [](std::vector<std::size_t> inputs) {
    return test::error_text<UserError>([&] {
      GraphBuilder builder("net", {4});
      builder.add("linear", "a", {{"in_features", std::int64_t{4}}, {"out_features", std::int64_t{3}}});
      builder.add("add", "", {}, std::move(inputs), "sum");
    });
  };
  EXPECT_EQ(error({0, 1}), "node sum: add reads values of one shape; got [4] and [3]");
  EXPECT_EQ(error({1}), "node sum: add reads 2 or more inputs; got 1");
  EXPECT_EQ(error({}), "node sum: add reads 2 or more inputs; got 1");
}

TEST(Ops, FxNames) {
  EXPECT_EQ(fx_name("seq_blocks.2"), "seq_blocks_2");
  EXPECT_EQ(fx_name("feature_layers.0"), "feature_layers_0");
  EXPECT_EQ(fx_name("lastLayer"), "last_layer");
  EXPECT_EQ(fx_name("0.conv"), "_0_conv");
}

TEST(Ops, VerifierFindsWhatAPassBroke) {
  const Graph good = one_node("linear", {{"in_features", std::int64_t{4}}, {"out_features", std::int64_t{3}}});
  const auto broken = [&](auto change) {
    Graph graph = good;
    change(graph);
    EXPECT_THROW(verify(graph), InternalError);
  };
  broken([](Graph& graph) { graph.nodes[1].output_shape = {7}; });
  broken([](Graph& graph) { graph.nodes[1].inputs = {2}; });
  broken([](Graph& graph) { graph.nodes[1].name = "x"; });
  broken([](Graph& graph) { graph.nodes[1].op = "nothing"; });
  broken([](Graph& graph) { graph.nodes[1].attributes.pop_back(); });
  broken([](Graph& graph) { graph.nodes[1].set("in_features", std::int64_t{9}); });
  broken([](Graph& graph) { graph.nodes[1].parameters.pop_back(); });
  broken([](Graph& graph) { graph.nodes.pop_back(); });
}

}  // namespace
}  // namespace lathe::ir
