#include "lathe/ir/analysis/costs.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "ir/chain_graph.h"
#include "lathe/base/error.h"
#include "lathe/ir/passes/quantize.h"
#include "lathe/ir/report.h"
#include "lathe/ir/size_limits.h"

namespace lathe::ir {
namespace {

Graph tiny() {
  GraphBuilder builder("tiny", {16});
  builder.add("batch_norm1d", "seq_blocks.0", {{"num_features", std::int64_t{16}}});
  builder.add("relu", "seq_blocks.1");
  builder.add("linear", "seq_blocks.2", {{"in_features", std::int64_t{16}}, {"out_features", std::int64_t{5}}});
  builder.add("relu", "seq_blocks.3");
  return std::move(builder).finish();
}

NodeQuantization integer(std::int64_t data, std::int64_t weight, std::int64_t bias) {
  NodeQuantization asked;
  asked[Operand::kDataIn] = {{"width", data}};
  asked[Operand::kWeight] = {{"width", weight}};
  asked[Operand::kBias] = {{"width", bias}};
  return asked;
}

TEST(Costs, TheLabsTable) {
  const GraphCosts result = costs(tiny(), 8);
  ASSERT_EQ(result.nodes.size(), 4U);
  EXPECT_EQ(result.total.flops, 1320);
  EXPECT_EQ(result.total.lab_bitops, 42240);
  EXPECT_EQ(result.model_bytes, 468);
  EXPECT_EQ(result.nodes[0].lab_bitops, 16384);
  EXPECT_EQ(result.nodes[2].backward_flops, 1280);
  EXPECT_EQ(result.nodes[2].lab_parameters, 80);
  EXPECT_EQ(result.nodes[2].input_elements, 128);
  EXPECT_EQ(result.nodes[2].output_elements, 40);
  EXPECT_EQ(result.total.macs, 640);
  EXPECT_EQ(result.total.bitops, 640 * 32 * 32);
  EXPECT_EQ(result.total.parameters, 117);
  EXPECT_EQ(result.total.buffers, 33);
}

// The widest network of two linear layers whose weights still have a size.
Graph widest(std::int64_t wide) {
  GraphBuilder builder("wide", {64, 16});
  builder.add("linear", "a", {{"in_features", std::int64_t{16}}, {"out_features", wide}});
  builder.add("linear", "b", {{"in_features", wide}, {"out_features", wide}});
  return std::move(builder).finish();
}

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(Costs, AreNeverNegative) {
  constexpr std::int64_t kWide = 1'000'000;
  const Graph graph = widest(kWide);
  EXPECT_EQ(costs(graph, 1).total.parameters, kWide * kWide + 18 * kWide);
  EXPECT_EQ(costs(graph, 1).total.macs, 64 * (kWide * kWide + 16 * kWide));
  EXPECT_EQ(refusal([&] { costs(graph, 1 << 24); }),
            "node b: its costs for a batch of 16777216 rows are too large to be counted: more than 2^63");
}

TEST(SizeLimits, AreSaidWithTheAttribute) {
  constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(refusal([] { widest(kLargest); }),
            "node a: out_features = 9223372036854775807 is beyond the widest layer, 16777216");
  EXPECT_EQ(refusal([] { widest(-kLargest); }),
            "node a: out_features = -9223372036854775807 is beyond the widest layer, 16777216");
  EXPECT_EQ(refusal([] { widest(2'000'000); }),
            "node b: weight of shape [2000000, 2000000] is too large: at most 1099511627776 values");
  const auto image = [](const std::string& op, const std::vector<Attribute>& attributes, Shape shape = {3, 8, 8}) {
    return refusal([&] {
      GraphBuilder builder("image", shape);
      builder.add(op, "a", attributes);
      static_cast<void>(std::move(builder).finish());
    });
  };
  const std::vector<Attribute> conv = {{"in_channels", std::int64_t{3}}, {"out_channels", std::int64_t{4}}};
  const auto with = [&](const std::string& name, AttributeValue value) {
    std::vector<Attribute> all = conv;
    if (name != "kernel_size") all.push_back({"kernel_size", std::int64_t{3}});
    all.push_back({name, std::move(value)});
    return all;
  };
  for (const char* name : {"kernel_size", "stride", "padding", "dilation", "groups"})
    EXPECT_EQ(image("conv2d", with(name, kLargest)),
              std::string("node a: ") + name + " = 9223372036854775807 is beyond the widest layer, 16777216");
  EXPECT_EQ(image("conv2d", with("padding", std::int64_t{1} << 20)),
            "node a: padding = [1048576, 1048576] is too large: its product is more than 4294967296");
  EXPECT_NE(image("upsample", {{"scale_factor", std::int64_t{1} << 15}}), "");
  EXPECT_NE(image("max_pool2d", {{"kernel_size", kLargest}}), "");
  EXPECT_NE(image("adaptive_avg_pool2d", {{"output_size", std::int64_t{1} << 16}}), "");
  EXPECT_NE(image("embedding", {{"num_embeddings", kLargest}, {"embedding_dim", std::int64_t{4}}}, {8}), "");
  EXPECT_NE(image("flatten", {}, {1 << 12, 1 << 12, 1 << 12}), "");
}

TEST(SizeLimits, CountTheWholeNetwork) {
  GraphBuilder builder("deep", {4});
  const auto deeper = [&](std::size_t nodes) {
    while (builder.graph().nodes.size() < nodes)
      builder.add("relu", "r." + std::to_string(builder.graph().nodes.size()));
  };
  deeper(kMostNodes - 1);
  EXPECT_EQ(refusal([&] { deeper(kMostNodes + 1); }), "a network has at most 10000 nodes");
  const auto total = [](int layers) {
    return refusal([&] {
      GraphBuilder wide("wide", {1 << 10});
      for (int i = 0; i < layers; ++i)
        wide.add("linear", "l." + std::to_string(i),
                 {{"in_features", std::int64_t{1} << (i == 0 ? 10 : 20)}, {"out_features", std::int64_t{1} << 20}});
      costs(std::move(wide).finish(), 1);
    });
  };
  EXPECT_EQ(total(1), "");
  EXPECT_EQ(total(2), "the network is too large: its weights are more than 1099511627776");
}

TEST(Costs, AFloatNetworkHas32Bits) {
  const GraphCosts result = costs(tiny(), 1);
  EXPECT_EQ(result.average_bitwidth, 32);
  EXPECT_EQ(result.memory_density(32), 1);
}

TEST(Costs, QuantisedLayers) {
  const GraphCosts result = costs(quantize(tiny(), {{{"seq_blocks_2", integer(8, 4, 6)}}}), 1);
  EXPECT_EQ(result.average_bitwidth, 4);
  EXPECT_EQ(result.memory_density(32), 8);
  EXPECT_EQ(result.average_activation_bits, 8);
  EXPECT_EQ(result.average_bias_bits, 6);
  EXPECT_EQ(result.total.bitops, 80 * 4 * 8);
  EXPECT_EQ(result.total.flops, costs(tiny(), 1).total.flops);
  EXPECT_EQ(result.quantized_model_bytes, (32 * 32 + 80 * 4 + 5 * 6 + 7) / 8);
}

TEST(Costs, AverageBitwidthLeavesFloatLayersOut) {
  const Graph graph =
      quantize(test::three_layers(), {{{"seq_blocks_2", integer(8, 2, 8)}, {"seq_blocks_6", integer(8, 8, 8)}}});
  const GraphCosts result = costs(graph, 1);
  EXPECT_DOUBLE_EQ(result.average_bitwidth, (256.0 * 2 + 80 * 8) / 336);
  EXPECT_DOUBLE_EQ(result.average_weight_bits, (256.0 * 2 + 256 * 32 + 80 * 8) / 592);
}

TEST(Report, PrintsTheLabsReport) {
  EXPECT_EQ(graph_report(tiny()), R"IR(graph():
    %x : [num_users=1] = placeholder[target=x]
    %seq_blocks_0 : [num_users=1] = call_module[target=seq_blocks.0](args = (%x,), kwargs = {})
    %seq_blocks_1 : [num_users=1] = call_module[target=seq_blocks.1](args = (%seq_blocks_0,), kwargs = {})
    %seq_blocks_2 : [num_users=1] = call_module[target=seq_blocks.2](args = (%seq_blocks_1,), kwargs = {})
    %seq_blocks_3 : [num_users=1] = call_module[target=seq_blocks.3](args = (%seq_blocks_2,), kwargs = {})
    return seq_blocks_3
Network overview:
{'placeholder': 1, 'get_attr': 0, 'call_function': 0, 'call_method': 0, 'call_module': 4, 'output': 1}
Layer types:
[BatchNorm1d(16, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True), ReLU(), Linear(in_features=16, out_features=5, bias=True), ReLU()]
)IR");
}

TEST(Report, ModulesAreNestedAndShowTheirFormats) {
  GraphBuilder builder("net", {4});
  builder.add("linear", "features.0", {{"in_features", std::int64_t{4}}, {"out_features", std::int64_t{3}}});
  builder.add("relu", "last");
  const Graph graph = quantize(std::move(builder).finish(), {{{"features_0", integer(8, 4, 6)}}});
  EXPECT_EQ(module_text(graph), R"IR(net(
  (features): Sequential(
    (0): Linear(in_features=4, out_features=3, bias=True)  # data_in integer(width=8, frac_width=4, signed=1), weight integer(width=4, frac_width=2, signed=1), bias integer(width=6, frac_width=3, signed=1)
  )
  (last): ReLU()
)
)IR");
}

}  // namespace
}  // namespace lathe::ir
