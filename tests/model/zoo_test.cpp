#include "lathe/model/zoo.h"

#include <gtest/gtest.h>

#include "ir/chain_graph.h"
#include "lathe/base/error.h"
#include "lathe/ir/op.h"
#include "lathe/ir/report.h"
#include "lathe/model/lint.h"

namespace lathe::model {
namespace {

using ir::test::error_text;

TEST(Zoo, ParameterCounts) {
  const std::pair<const char*, std::int64_t> counts[] = {{"jsc-toy", 327},
                                                         {"jsc-tiny", 117},
                                                         {"jsc-s", 5615},
                                                         {"jsc-trt", 3231},
                                                         {"jsc-three-linear-layers", 661},
                                                         {"jsc-three-linear-layers-v1", 661},
                                                         {"hls4ml-jet", 4389},
                                                         {"jsc-three-linear-layers-logits", 661}};
  for (const auto& [name, parameters] : counts)
    EXPECT_EQ(ir::trainable_parameters(make_model(name, {})), parameters) << name;
}

TEST(Zoo, EveryModelReadsItsOwnText) {
  for (const ZooEntry& entry : zoo()) {
    const ir::Graph graph = make_model(entry.name, {20, 3});
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

TEST(Lint, FindsTheReluOnTheLogits) {
  EXPECT_EQ(relu_on_logits(make_model("jsc-three-linear-layers", {})),
            "jsc-three-linear-layers has a ReLU on its logits (seq_blocks_7): classes die in training and accuracy is "
            "capped; jsc-three-linear-layers-logits is the same network without it");
  EXPECT_TRUE(relu_on_logits(make_model("jsc-tiny", {})));
  for (const char* name : {"jsc-three-linear-layers-logits", "jsc-three-linear-layers-v1-logits", "toy", "hls4ml-jet"})
    EXPECT_FALSE(relu_on_logits(make_model(name, {}))) << name;
}

}  // namespace
}  // namespace lathe::model
