#include "lathe/model/node_config.h"

#include <gtest/gtest.h>

#include "ir/chain_graph.h"
#include "lathe/model/node_selection.h"
#include "lathe/model/zoo.h"

namespace lathe::model {
namespace {

using ir::test::error_text;

NodeScalar text(const char* value) { return std::string(value); }
NodeScalar number(std::int64_t value) { return value; }
const NodeScalar kNa = std::monostate();

NodeKey key(std::string name, NodeScalar value) { return {.name = std::move(name), .value = std::move(value)}; }

NodeConfig read(const std::vector<NodeKey>& keys) { return parse_node_config(keys); }
std::string error_of(const std::vector<NodeKey>& keys) {
  return error_text<UserError>([&] { read(keys); });
}

TEST(NodeConfig, NaLeavesTheNodeAlone) {
  for (const NodeConfig& config :
       {read({}), read({key("name", kNa)}),
        read({key("name", kNa), key("channel_multiplier", number(1)), key("weight_width", number(4))})}) {
    EXPECT_FALSE(config.channels);
    EXPECT_FALSE(config.quantization);
  }
}

TEST(NodeConfig, AQuantiserName) {
  const NodeConfig config =
      read({key("name", text("integer")), key("data_in_width", number(8)), key("data_in_frac_width", kNa),
            key("weight_width", number(4)), key("bypass", false)});
  ASSERT_TRUE(config.quantization);
  EXPECT_FALSE(config.channels);
  EXPECT_EQ(config.quantization->kind, "integer");
  ASSERT_EQ((*config.quantization)[ir::Operand::kDataIn].size(), 2U);
  EXPECT_EQ((*config.quantization)[ir::Operand::kDataIn][1].value, std::nullopt);
  EXPECT_TRUE((*config.quantization)[ir::Operand::kBias].empty());
}

TEST(NodeConfig, OptionsHaveTheirTypes) {
  const NodeConfig config = read({key("name", text("integer")), key("weight_width", number(8)),
                                  key("weight_scale", NodeScalar(0.25)), key("weight_gradient", text("within_range"))});
  EXPECT_EQ((*config.quantization)[ir::Operand::kWeight][1].value, quant::OptionValue(std::vector<double>{0.25}));
  EXPECT_EQ((*config.quantization)[ir::Operand::kWeight][2].value, quant::OptionValue(std::string("within_range")));
  EXPECT_THROW(read({key("name", text("integer")), key("weight_scale", text("a"))}), UserError);
  EXPECT_THROW(read({key("name", text("block_floating")), key("weight_block", text("a"))}), UserError);
}

TEST(NodeConfig, AChannelMode) {
  const NodeConfig config = read(
      {key("name", text("both")), key("channel_multiplier", NodeScalar(0.5)), key("prev_link", text("seq_blocks_2"))});
  ASSERT_TRUE(config.channels);
  EXPECT_FALSE(config.quantization);
  EXPECT_EQ(config.channels->mode, ir::ChannelMode::kBoth);
  EXPECT_EQ(config.channels->multiplier, 0.5);
  EXPECT_EQ(config.channels->parent, "seq_blocks_2");
}

TEST(NodeConfig, BothAtOnce) {
  const NodeConfig implied = read({key("name", text("integer")), key("channel_multiplier", number(2))});
  ASSERT_TRUE(implied.channels && implied.quantization);
  EXPECT_EQ(implied.channels->mode, ir::ChannelMode::kOutputOnly);
  const NodeConfig stated =
      read({key("mode", text("input_only")), key("channel_multiplier", number(2)), key("name", text("integer"))});
  EXPECT_EQ(stated.channels->mode, ir::ChannelMode::kInputOnly);
}

TEST(NodeConfig, ErrorsAreExact) {
  EXPECT_TRUE(error_of({key("name", text("interger"))})
                  .starts_with("name: unknown name \"interger\"; did you mean \"integer\"?"));
  EXPECT_TRUE(error_of({key("weigth_width", number(4))})
                  .starts_with("weigth_width: unknown key; did you mean \"weight_width\"?"));
  EXPECT_EQ(error_of({key("channel_multiplier", number(-1))}), "channel_multiplier: must be above 0; got -1");
  EXPECT_EQ(error_of({key("channel_multiplier", text("two"))}), "channel_multiplier: expected a number; got \"two\"");
  EXPECT_EQ(error_of({key("weight_width", NodeScalar(4.5))}), "weight_width: expected an integer; got 4.5");
  EXPECT_EQ(error_of({key("bypass", number(1))}), "bypass: expected true or false; got 1");
  EXPECT_EQ(error_of({key("name", text("both")), key("weight_width", number(4))}),
            "weight_width: has no effect without a quantiser: for both write name = \"integer\" and mode = \"both\"");
  EXPECT_EQ(error_of({key("parent", text("a")), key("prev_link", text("b"))}),
            "prev_link: \"b\" contradicts the parent \"a\" given before");
  NodeKey placed = key("bypass", number(1));
  placed.position = {"study.toml", 3, 8};
  placed.full_key = "passes.quantize.linear.config.bypass";
  EXPECT_EQ(error_of({placed}), "study.toml:3:8: passes.quantize.linear.config.bypass: expected true or false; got 1");
}

std::vector<std::string> selected(const std::string& table) {
  const config::Value root = config::parse_text(table, "study.toml");
  std::vector<std::string> names;
  for (const auto& [node, config] : select_nodes(root, make_model("jsc-three-linear-layers", {})))
    names.push_back(node);
  return names;
}

constexpr const char* kInteger = "name = \"integer\"\ndata_in_width = 8\nweight_width = 8\nbias_width = 8\n";
using Names = std::vector<std::string>;

TEST(NodeSelection, ByTypeNameAndExpression) {
  EXPECT_EQ(selected(std::string("by = \"type\"\n[linear.config]\n") + kInteger),
            (Names{"seq_blocks_2", "seq_blocks_4", "seq_blocks_6"}));
  EXPECT_EQ(selected(std::string("by = \"name\"\n[seq_blocks_4.config]\n") + kInteger), Names{"seq_blocks_4"});
  EXPECT_EQ(selected(std::string("by = \"regex_name\"\n[\"seq_blocks_[24]\".config]\n") + kInteger),
            (Names{"seq_blocks_2", "seq_blocks_4"}));
  EXPECT_EQ(selected(std::string("by = \"name\"\n[seq_blocks_4.config]\nname=\"NA\"\n[default.config]\n") + kInteger),
            (Names{"seq_blocks_1", "seq_blocks_2", "seq_blocks_3", "seq_blocks_5", "seq_blocks_6", "seq_blocks_7"}));
  EXPECT_EQ(selected("by = \"type\"\n[default.config]\nname = \"NA\"\n"), Names{});
}

TEST(NodeSelection, ErrorsAreExact) {
  const auto error = [](const std::string& table) { return error_text<UserError>([&] { selected(table); }); };
  EXPECT_TRUE(error("by = \"name\"\n[seq_block_4.config]\nname = \"NA\"\n")
                  .find("seq_block_4: no node \"seq_block_4\" in jsc-three-linear-layers; did you mean") !=
              std::string::npos);
  EXPECT_TRUE(
      error("by = \"type\"\n[linaer.config]\nname = \"NA\"\n").find("no op \"linaer\"; did you mean \"linear\"?") !=
      std::string::npos);
  EXPECT_EQ(error("by = \"kind\"\n"), "study.toml:1:6: by: must be \"type\", \"name\" or \"regex_name\"; got \"kind\"");
}

}  // namespace
}  // namespace lathe::model
