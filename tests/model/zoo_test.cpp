#include "lathe/model/zoo.h"

#include <gtest/gtest.h>

#include "ir/chain_graph.h"
#include "lathe/base/error.h"
#include "lathe/ir/analysis/costs.h"
#include "lathe/ir/op.h"
#include "lathe/ir/report.h"
#include "lathe/model/lint.h"

namespace lathe::model {
namespace {

using ir::test::error_text;

ir::Graph usual(std::string_view name) { return make_model(name, find_model(name)->usual); }

TEST(Zoo, ParameterCounts) {
  const std::pair<const char*, std::int64_t> counts[] = {{"jsc-toy", 327},
                                                         {"jsc-tiny", 117},
                                                         {"jsc-s", 5615},
                                                         {"jsc-trt", 3231},
                                                         {"jsc-three-linear-layers", 661},
                                                         {"jsc-three-linear-layers-v1", 661},
                                                         {"hls4ml-jet", 4389},
                                                         {"jsc-three-linear-layers-logits", 661},
                                                         {"vgg7", 14029450},
                                                         {"vgg7-tiny", 18664},
                                                         {"resnet18", 11173962},
                                                         {"mobilenet-v2", 2236682},
                                                         {"lenet", 61706},
                                                         {"lfc", 2916362},
                                                         {"transformer-tiny", 120706},
                                                         {"transformer-small", 834562}};
  for (const auto& [name, parameters] : counts) EXPECT_EQ(ir::trainable_parameters(usual(name)), parameters) << name;
}

TEST(Zoo, MultiplyAccumulatesOfTheConvolutionalNetworks) {
  EXPECT_EQ(ir::costs(usual("vgg7"), 1).total.macs, 616966144);
  EXPECT_EQ(ir::costs(usual("resnet18"), 1).total.macs, 555422720);
  EXPECT_EQ(ir::costs(usual("mobilenet-v2"), 1).total.macs, 87976448);
  EXPECT_EQ(ir::costs(usual("lenet"), 1).total.macs, 416520);
}

TEST(Zoo, Vgg7HasTheNodesOfMase) {
  const ir::Graph graph = usual("vgg7");
  for (const auto& [name, op] : {std::pair("feature_layers_17", "conv2d"),
                                 {"feature_layers_20", "max_pool2d"},
                                 {"view", "flatten"},
                                 {"classifier_3", "relu"},
                                 {"last_layer", "linear"}})
    EXPECT_EQ(graph.nodes[graph.find(name).value_or(0)].op, op) << name;
  EXPECT_EQ(graph.nodes[*graph.find("classifier_0")].integer("in_features"), 8192);
  EXPECT_EQ(graph.nodes[*graph.find("feature_layers_1")].number("momentum"), 0.9);
}

TEST(Zoo, TransformersFollowTheTask) {
  const ir::Graph classifier = usual("transformer");
  EXPECT_FALSE(classifier.nodes[*classifier.find("blocks_0_attention")].boolean("causal"));
  const ir::Graph generator =
      make_model("transformer", {.input_shape = {24}, .classes = 99, .vocabulary = 99, .positions = 24});
  EXPECT_EQ(generator.output().output_shape, (Shape{24, 99}));
  EXPECT_TRUE(generator.nodes[*generator.find("blocks_1_attention")].boolean("causal"));
  EXPECT_EQ(request_of(generator).positions, 24);
  EXPECT_EQ(request_of(generator).vocabulary, 99);
}

TEST(Zoo, OtherRowsAreRefused) {
  const auto error = [](const char* name, const ModelRequest& request) {
    return error_text<UserError>([&] { make_model(name, request); });
  };
  EXPECT_EQ(error("vgg7", {}), "model: vgg7 reads images [channels, height, width]; the data has rows of shape [16]");
  EXPECT_EQ(error("jsc-tiny", {.input_shape = {3, 32, 32}}),
            "model: jsc-tiny reads rows of features [features]; the data has rows of shape [3, 32, 32]");
  EXPECT_EQ(error("lenet", {.input_shape = {64}, .vocabulary = 256}),
            "model: lenet reads images [channels, height, width]; the data has texts of shape [64]");
  EXPECT_EQ(error("transformer", {}), "model: transformer-tiny reads texts [tokens]; the data has rows of shape [16]");
  EXPECT_EQ(make_model("lfc", {}).output().output_shape, Shape{5});
}

TEST(Zoo, EveryModelReadsItsOwnText) {
  for (const ZooEntry& entry : zoo()) {
    ModelRequest request = entry.usual;
    request.classes = 3;
    const ir::Graph graph = make_model(entry.name, request);
    EXPECT_EQ(graph.name, entry.name);
    EXPECT_EQ(graph.output().output_shape, Shape{3}) << entry.name;
    EXPECT_EQ(ir::parse_text(ir::to_text(graph)), graph) << entry.name;
  }
}

TEST(Zoo, NamesAreUniqueAndSpellingsMeet) {
  for (const ZooEntry& entry : zoo()) {
    EXPECT_EQ(find_model(entry.name), &entry);
    for (const std::string& alias : entry.aliases) EXPECT_EQ(find_model(alias), &entry) << alias;
  }
  for (const char* name : {"jsc-d", "jsc-three-linear", "jsc_three_linear_layers", "JSC-Three-Linear-Layers-v2"})
    EXPECT_EQ(find_model(name)->name, "jsc-three-linear-layers");
  EXPECT_EQ(find_model("jsc_tiny"), find_model("jsc-tiny"));
}

TEST(Zoo, NodesStandWhereTheLabsHaveThem) {
  const ir::Graph with = make_model("jsc-three-linear-layers", {});
  for (const char* name : {"seq_blocks_2", "seq_blocks_4", "seq_blocks_6"})
    EXPECT_EQ(with.nodes[*with.find(name)].op, "linear");
  const ir::Graph without = make_model("jsc-three-linear-layers-v1", {});
  for (const char* name : {"seq_blocks_2", "seq_blocks_3", "seq_blocks_4"})
    EXPECT_EQ(without.nodes[*without.find(name)].op, "linear");
  EXPECT_TRUE(make_model("jsc-s", {}).find("module_list_13"));
  EXPECT_FALSE(make_model("jsc-s", {}).find("module_list_14"));
}

TEST(Zoo, UnknownNamesShowTheNearest) {
  EXPECT_TRUE(error_text<UserError>([] {
                make_model("jsc-tinny", {});
              }).starts_with("model: unknown model \"jsc-tinny\"; did you mean \"jsc-tiny\"?"));
  const config::Value root = config::parse_text("model = \"jsc-tinny\"\n", "study.toml");
  EXPECT_TRUE(error_text<UserError>([&] {
                make_model(root, {});
              }).starts_with("study.toml:1:9: model: unknown model \"jsc-tinny\"; did you mean \"jsc-tiny\"?"));
}

TEST(Zoo, HintsAtTheOtherVersion) {
  EXPECT_EQ(other_version_hint(make_model("jsc-three-linear-layers", {}), "seq_blocks_3"),
            "; in jsc-three-linear-layers-v1 seq_blocks_3 is Linear(in_features=16, out_features=16, bias=True)");
  EXPECT_EQ(other_version_hint(make_model("jsc-three-linear-layers-v1", {}), "seq_blocks_6"),
            "; in jsc-three-linear-layers seq_blocks_6 is Linear(in_features=16, out_features=5, bias=True)");
  EXPECT_EQ(other_version_hint(make_model("jsc-tiny", {}), "seq_blocks_3"), "");
}

TEST(Lint, FindsTheSoftmaxOnTheLogits) {
  EXPECT_EQ(activation_on_logits(
                build_chain("net", {}, {{"linear", "fc", {{"out_features", std::int64_t{5}}}}, {"softmax", "out"}})),
            "net ends in a softmax (out): the loss takes logits and has a softmax of its own, so this one is a second; "
            "leave it out");
}

TEST(Lint, FindsTheReluOnTheLogits) {
  EXPECT_EQ(activation_on_logits(make_model("jsc-three-linear-layers", {})),
            "jsc-three-linear-layers has a ReLU on its logits (seq_blocks_7): classes die in training and accuracy is "
            "capped; jsc-three-linear-layers-logits is the same network without it");
  EXPECT_TRUE(activation_on_logits(make_model("jsc-tiny", {})));
  for (const char* name : {"jsc-three-linear-layers-logits", "jsc-three-linear-layers-v1-logits", "toy", "hls4ml-jet",
                           "vgg7", "vgg7-tiny", "resnet18", "mobilenet-v2", "lenet", "lfc", "transformer-tiny"})
    EXPECT_FALSE(activation_on_logits(usual(name))) << name;
}

}  // namespace
}  // namespace lathe::model
