#include "lathe/base/error.h"

#include <gtest/gtest.h>

#include "lathe/base/log.h"
#include "lathe/space/space.h"
#include "space/networks.h"

namespace lathe::space {
namespace {

std::string message_of(const std::string& text, const ir::Graph& base) {
  try {
    parse_space(config::parse_text(text, "study.toml"), base);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

/// Puts lines under the entry of the one linear layer of jsc-tiny.
std::string of_layer(const std::string& lines) {
  return message_of("[search.search_space.seed.seq_blocks_2.config]\n" + lines, tiny_network());
}

TEST(SpaceErrors, MissingTable) {
  EXPECT_EQ(message_of("seed = 1\n", tiny_network()),
            "study.toml:1:1: search.search_space: the table is missing; it names the choices");
}

TEST(SpaceErrors, UnknownSpaceShowsTheNearest) {
  const std::string message =
      message_of("[search.search_space]\nname = \"graph/quantize/mixed_precision_ptx\"\n", tiny_network());
  EXPECT_EQ(
      message.rfind("study.toml:2:8: search.search_space.name: unknown search space "
                    "\"graph/quantize/mixed_precision_ptx\"; did you mean \"graph/quantize/mixed_precision_ptq\"?",
                    0),
      0u)
      << message;
}

TEST(SpaceErrors, RefusedSpaceSaysWhy) {
  EXPECT_EQ(
      message_of("[search.search_space]\nname = \"graph/tensorrt/mixed_precision_ptq\"\n", tiny_network()),
      "study.toml:2:8: search.search_space.name: \"graph/tensorrt/mixed_precision_ptq\" is not available here: it "
      "needs TensorRT");
}

TEST(SpaceErrors, UnknownNodeShowsTheNearest) {
  EXPECT_EQ(message_of("[search.search_space.seed.seq_block_2.config]\nname = [\"NA\"]\n", tiny_network()),
            "study.toml:1:27: search.search_space.seed.seq_block_2: jsc-test has no node \"seq_block_2\"; did you mean "
            "\"seq_blocks_2\"? (known: x, seq_blocks_0, seq_blocks_1, seq_blocks_2, seq_blocks_3, output)");
}

TEST(SpaceErrors, NodeUnderByType) {
  EXPECT_EQ(
      message_of("[search.search_space.setup]\nby = \"type\"\n[search.search_space.seed.seq_blocks_2.config]\n"
                 "name = [\"NA\"]\n",
                 tiny_network()),
      "study.toml:3:27: search.search_space.seed.seq_blocks_2: this is a node, and by = \"type\" expects op types "
      "(\"linear\"); or set by = \"name\"");
}

TEST(SpaceErrors, EmptyList) {
  EXPECT_EQ(
      of_layer("channel_multiplier = []\n"),
      "study.toml:2:22: search.search_space.seed.seq_blocks_2.config.channel_multiplier: the list of choices is empty; "
      "it needs at least one");
}

TEST(SpaceErrors, ChoiceThatIsNoList) {
  EXPECT_EQ(of_layer("channel_multiplier = 2\n"),
            "study.toml:2:22: search.search_space.seed.seq_blocks_2.config.channel_multiplier: must be a list of "
            "choices; for "
            "one choice write [2]");
}

TEST(SpaceErrors, NestedLists) {
  EXPECT_EQ(of_layer("channel_multiplier = [[1, 2], 4]\n"),
            "study.toml:2:23: search.search_space.seed.seq_blocks_2.config.channel_multiplier[0]: a choice must be a "
            "number, a "
            "string or a boolean; got [1, 2]");
}

TEST(SpaceErrors, UnknownKeyShowsTheNearest) {
  const std::string message = of_layer("chanel_multiplier = [1]\n");
  EXPECT_EQ(
      message.rfind("study.toml:2:1: search.search_space.seed.seq_blocks_2.config.chanel_multiplier: unknown key; did "
                    "you mean \"channel_multiplier\"?",
                    0),
      0u)
      << message;
}

TEST(SpaceErrors, ChoicesThatNoPassUnderstands) {
  EXPECT_EQ(
      of_layer("name = [\"NA\", \"integre\"]\n")
          .rfind("study.toml:2:15: search.search_space.seed.seq_blocks_2.config.name[1]: unknown name \"integre\"; did "
                 "you mean \"integer\"?",
                 0),
      0u);
  EXPECT_EQ(
      of_layer("name = [\"output_only\"]\nchannel_multiplier = [1, -2]\n"),
      "study.toml:3:26: search.search_space.seed.seq_blocks_2.config.channel_multiplier[1]: must be above 0; got -2");
}

TEST(SpaceErrors, ChoicesThatGiveNoNetwork) {
  EXPECT_EQ(of_layer("name = [\"output_only\"]\nchannel_multiplier = [1, 2]\n"),
            "study.toml:3:26: search.search_space.seed.seq_blocks_2.config.channel_multiplier[1]: node seq_blocks_2: "
            "its output "
            "is the network's result (5 classes) and keeps its width; got a multiplier of 2");
  EXPECT_EQ(
      of_layer("name = [\"integer\"]\ndata_in_width = [8]\n"),
      "study.toml:2:9: search.search_space.seed.seq_blocks_2.config.name[0]: node seq_blocks_2: quantising linear with "
      "integer needs weight_width");
  EXPECT_EQ(message_of("[search.search_space.seed.seq_blocks_3.config]\nname = [\"both\"]\n", tiny_network()),
            "study.toml:2:9: search.search_space.seed.seq_blocks_3.config.name[0]: node seq_blocks_3: mode both needs "
            "a layer "
            "with a width; seq_blocks_3 is relu");
}

TEST(SpaceErrors, EntryWithoutConfig) {
  EXPECT_EQ(message_of("[search.search_space.seed.seq_blocks_2]\nname = [\"NA\"]\n", tiny_network()),
            "study.toml:2:1: search.search_space.seed.seq_blocks_2.name: unknown key (known: config)");
}

TEST(SpaceErrors, UnknownSetupKey) {
  EXPECT_EQ(message_of("[search.search_space.setup]\ntied = []\n[search.search_space.seed]\n", tiny_network()),
            "study.toml:2:1: search.search_space.setup.tied: unknown key; did you mean \"tie\"? (known: by, tie, zip, "
            "model_parallel)");
}

TEST(SpaceErrors, TiedListsThatDiffer) {
  EXPECT_EQ(
      message_of(
          "[search.search_space.setup]\ntie = [[\"seq_blocks_2\", \"seq_blocks_4\"]]\n"
          "[search.search_space.seed.seq_blocks_2.config]\nname = [\"output_only\"]\nchannel_multiplier = [1, 2]\n"
          "[search.search_space.seed.seq_blocks_4.config]\nname = [\"both\"]\nchannel_multiplier = [1, 3]\n",
          three_layers()),
      "study.toml:2:8: search.search_space.setup.tie[0]: the choices of channel_multiplier differ: [1, 2] for "
      "seq_blocks_2 and [1, 3] for seq_blocks_4");
}

TEST(SpaceErrors, TiedNodeWithoutChoices) {
  const std::string message = message_of(
      "[search.search_space.setup]\ntie = [[\"seq_blocks_2\", \"seq_blocks_4\"]]\n"
      "[search.search_space.seed.seq_blocks_2.config]\nname = [\"output_only\"]\nchannel_multiplier = [1, 2]\n",
      three_layers());
  EXPECT_EQ(
      message.rfind("study.toml:2:25: search.search_space.setup.tie[0][1]: \"seq_blocks_4\" has no choices to tie", 0),
      0u)
      << message;
}

TEST(SpaceErrors, ZippedListsOfDifferentLength) {
  EXPECT_EQ(message_of("[search.search_space.setup]\nzip = [[\"data_in_width\", \"data_in_frac_width\"]]\n"
                       "[search.search_space.seed.seq_blocks_2.config]\nname = [\"integer\"]\ndata_in_width = [8, 4]\n"
                       "data_in_frac_width = [4]\nweight_width = [8]\nbias_width = [8]\n",
                       tiny_network()),
            "study.toml:2:8: search.search_space.setup.zip[0]: lists that move together must have one length: "
            "seq_blocks_2/config/data_in_width has 2 choices, seq_blocks_2/config/data_in_frac_width has 1");
}

TEST(SpaceErrors, ZipOfNothing) {
  EXPECT_EQ(message_of("[search.search_space.setup]\nzip = [[\"data_in_width\", \"data_in_frac_widht\"]]\n"
                       "[search.search_space.seed.seq_blocks_2.config]\nname = [\"NA\"]\n",
                       tiny_network()),
            "study.toml:2:8: search.search_space.setup.zip[0]: no node has all of these keys");
}

}  // namespace
}  // namespace lathe::space
