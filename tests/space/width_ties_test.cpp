#include "lathe/space/width_ties.h"

#include <gtest/gtest.h>

#include "lathe/base/error.h"
#include "lathe/space/space.h"
#include "lathe/space/summary.h"
#include "space/networks.h"

namespace lathe::space {
namespace {

SearchSpace space_of(const std::string& text) {
  return parse_space(config::parse_text(text, "study.toml"), residual_network());
}

std::string entry(const std::string& node, const std::string& lines) {
  return "[search.search_space.seed." + node + ".config]\n" + lines;
}

std::string error_of(const std::string& text) {
  try {
    space_of(text);
  } catch (const UserError& error) {
    return error.what();
  }
  return "no error";
}

const std::string kScaled = "name = [\"output_only\"]\nchannel_multiplier = [1, 2, 4]\n";

TEST(WidthTies, SummedLayersShareOneChoice) {
  const SearchSpace space = space_of(entry("a", kScaled) + entry("b", kScaled));
  ASSERT_EQ(space.dimensions().size(), 1U);
  EXPECT_EQ(space.dimensions()[0].name, "a/config/channel_multiplier");
  EXPECT_EQ(space.dimensions()[0].entries.size(), 2U);
  EXPECT_EQ(space.size(), 3);
  const char* const widths[] = {"16-8-8-5", "16-16-16-5", "16-32-32-5"};
  for (int code = 0; code < 3; ++code)
    EXPECT_EQ(width_summary(space.decode({static_cast<double>(code)}).graph), widths[code]);
}

TEST(WidthTies, DefaultAndRangesShareToo) {
  const std::string range = "name = [\"output_only\"]\nchannel_multiplier = {low = 1, high = 4}\n";
  const SearchSpace space = space_of(entry("default", range) + entry("c", "name = [\"NA\"]\n"));
  ASSERT_EQ(space.dimensions().size(), 1U);
  EXPECT_EQ(width_summary(space.decode({2.0}).graph), "16-24-24-5");
}

TEST(WidthTies, AConditionIsTiedWithWhatDependsOnIt) {
  const std::string conditional =
      "name = [\"output_only\", \"NA\"]\n[search.search_space.seed.default.config.channel_multiplier]\n"
      "choices = [1, 2]\nwhen = {key = \"name\", is = [\"output_only\"]}\n";
  const SearchSpace space = space_of(entry("c", "name = [\"NA\"]\n") + entry("default", conditional));
  EXPECT_EQ(space.dimensions().size(), 2U);
  EXPECT_EQ(space.size(), 3);
}

TEST(WidthTies, ALayerWithoutChoicesFollows) {
  const SearchSpace space = space_of(entry("b", kScaled));
  EXPECT_EQ(width_summary(space.decode({2.0}).graph), "16-32-32-5");
}

TEST(WidthTies, DifferentChoicesAreRefused) {
  const std::string other = "name = [\"output_only\"]\nchannel_multiplier = [1, 3]\n";
  EXPECT_EQ(error_of(entry("a", kScaled) + entry("b", other)),
            "study.toml:6:22: search.search_space.seed.b.config.channel_multiplier: the outputs of a and b are tied by "
            "a sum, a product or attention, so that they have one width and share one choice; their choices differ: "
            "[1, 2, 4] for a and [1, 3] for b");
  const std::string constant = "name = [\"output_only\"]\nchannel_multiplier = [2]\n";
  EXPECT_TRUE(error_of(entry("a", kScaled) + entry("b", constant)).find("are tied by a sum") != std::string::npos);
}

TEST(WidthTies, QuantisersOfSummedLayersStayApart) {
  const std::string bits =
      "name = [\"integer\"]\ndata_in_width = [4, 8]\ndata_in_frac_width = [4]\nweight_width = [4, 8]\n"
      "weight_frac_width = [3]\n";
  const std::string sum = "name = [\"integer\"]\ndata_in_width = [4, 8]\ndata_in_frac_width = [4]\n";
  const SearchSpace space = space_of(entry("a", bits) + entry("b", bits) + entry("add", sum));
  EXPECT_EQ(space.dimensions().size(), 5U);
  const ir::Graph graph = space.decode({0, 0, 0, 0, 1}).graph;
  const ir::Node& node = graph.nodes[*graph.find("add")];
  for (const std::size_t input : node.inputs)
    EXPECT_EQ(graph.nodes[input].format("format").to_string(), "integer(width=8, frac_width=4, signed=1)");
}

TEST(WidthTies, TypesNameSumsToo) {
  const SearchSpace space =
      space_of("[search.search_space.setup]\nby = \"type\"\n" + entry("add",
                                                                      "name = [\"integer\"]\ndata_in_width = [4, 8]\n"
                                                                      "data_in_frac_width = [2]\n"));
  ASSERT_EQ(space.dimensions().size(), 1U);
  EXPECT_EQ(space.dimensions()[0].name, "add/config/data_in_width");
}

}  // namespace
}  // namespace lathe::space
