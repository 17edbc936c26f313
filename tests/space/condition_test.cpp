#include <gtest/gtest.h>

#include <algorithm>

#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/space/probes.h"
#include "lathe/space/space.h"
#include "lathe/space/summary.h"
#include "space/networks.h"

namespace lathe::space {
namespace {

using parameter::kInactive;

constexpr const char* kHead = "[search.search_space.seed.seq_blocks_2.config]\n";

SearchSpace space_of(const std::string& lines, const std::string& setup = "") {
  return parse_space(config::parse_text(setup + kHead + lines, "study.toml"), three_layers());
}

std::string message_of(const std::string& lines, const std::string& setup = "") {
  try {
    space_of(lines, setup);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

const std::string kQuantised = R"(name = ["NA", "integer"]
data_in_width = { low = 2, high = 16, when = { key = "name", is = ["integer"] } }
weight_width = { choices = [4, 8], when = { key = "seq_blocks_2/config/name", is = "integer" } }
bias_width = { choices = [8], when = { key = "name", is = "integer" } }
)";

std::vector<std::string> keys_of(const Candidate& candidate, std::size_t node = 0) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : candidate.config.at(node).second) keys.push_back(key);
  return keys;
}

TEST(Conditions, KeysAreThereOnlyUnderTheirParentsValue) {
  const SearchSpace space = space_of(kQuantised);
  ASSERT_EQ(space.dimensions().size(), 3u);
  EXPECT_EQ(space.size(), 1 + 15 * 2);
  EXPECT_TRUE(space.parameters().conditional());
  const Candidate plain = space.decode({0, kInactive, kInactive});
  EXPECT_EQ(keys_of(plain), (std::vector<std::string>{"name"}));
  EXPECT_EQ(bits_summary(plain.graph), "");
  const Candidate quantised = space.decode({1, 4, 1});
  EXPECT_EQ(keys_of(quantised), (std::vector<std::string>{"name", "data_in_width", "weight_width", "bias_width"}));
  EXPECT_EQ(bits_summary(quantised.graph), "w8a6 2 x float");
}

TEST(Conditions, FindReturnsTheAssignment) {
  const SearchSpace space = space_of(kQuantised);
  for (const Assignment& assignment : probes(space.parameters(), 100)) {
    EXPECT_EQ(space.find(space.decode(assignment).config), assignment);
  }
  SampledConfig config = space.decode({0, kInactive, kInactive}).config;
  config[0].second.emplace_back("data_in_width", std::monostate{});
  EXPECT_TRUE(space.find(config)) << "NA is as good as absent";
  config[0].second.back().second = std::int64_t{4};
  EXPECT_FALSE(space.find(config));
}

TEST(Conditions, EveryAssignmentIsOneOfTheSpace) {
  const SearchSpace space = space_of(kQuantised);
  const auto probed = probes(space.parameters(), 100);
  EXPECT_EQ(probed.size(), 31u);
  for (const Assignment& assignment : probed) EXPECT_TRUE(space.parameters().contains(assignment));
  const auto few = probes(space.parameters(), 30);
  EXPECT_EQ(few.size(), 1u + 1 + 15 + 2);
  for (const Assignment& assignment : few) EXPECT_TRUE(space.parameters().contains(assignment));
}

TEST(Conditions, ParentsComeFirst) {
  const SearchSpace space =
      space_of(R"(channel_multiplier = { choices = [1, 2], when = { key = "channel_multiplier_out", is = [2] } }
channel_multiplier_out = { low = 1, high = 3, when = { key = "seq_blocks_4.name", is = ["integer"] } }
[search.search_space.seed.seq_blocks_4.config]
name = ["NA", "integer"]
data_in_width = [8]
weight_width = [8]
bias_width = [8]
)");
  std::vector<std::string> names;
  for (const Dimension& dimension : space.dimensions()) names.push_back(dimension.name);
  EXPECT_EQ(names, (std::vector<std::string>{"seq_blocks_4/config/name", "seq_blocks_2/config/channel_multiplier_out",
                                             "seq_blocks_2/config/channel_multiplier"}));
  EXPECT_EQ(space.size(), 1 + 1 + 2 + 1) << "an inactive parent makes its dependants inactive";
  EXPECT_EQ(space.decode({0, kInactive, kInactive}).config.size(), 1u) << "a node without keys is left out";
}

TEST(Conditions, AParentWithOneChoicePassesItsConditionOn) {
  const SearchSpace space = space_of(R"(name = ["NA", "integer"]
data_in_width = { choices = [8], when = { key = "name", is = "integer" } }
weight_width = { low = 2, high = 4, when = { key = "data_in_width", is = 8 } }
bias_width = { choices = [8], when = { key = "weight_width", is = [2, 3, 4] } }
)");
  EXPECT_EQ(space.size(), 1 + 3);
  EXPECT_EQ(space.decode({0, kInactive}).config[0].second.size(), 1u);
  EXPECT_EQ(space.decode({1, 2}).config[0].second.size(), 4u);
}

TEST(Conditions, OfTypesLookWithinEachNode) {
  const SearchSpace space = parse_space(
      config::parse_text("[search.search_space.setup]\nby = \"type\"\n[search.search_space.seed.linear.config]\n"
                         "name = [\"NA\", \"integer\"]\n"
                         "data_in_width = { choices = [4, 8], when = { key = \"name\", is = \"integer\" } }\n"
                         "weight_width = [8]\nbias_width = [8]\n",
                         "study.toml"),
      three_layers());
  EXPECT_EQ(space.size(), 27);
}

TEST(Conditions, OfDefaultLeaveOutWhatNeverApplies) {
  const SearchSpace space = parse_space(
      config::parse_text("[search.search_space.seed.default.config]\nname = [\"integer\", \"output_only\"]\n"
                         "data_in_width = { choices = [4, 8], when = { key = \"name\", is = \"integer\" } }\n"
                         "weight_width = { choices = [8], when = { key = \"name\", is = \"integer\" } }\n"
                         "bias_width = { choices = [8], when = { key = \"name\", is = \"integer\" } }\n"
                         "channel_multiplier = { choices = [1, 2], when = { key = \"name\", is = \"output_only\" } }\n"
                         "[search.search_space.seed.seq_blocks_6.config]\nname = [\"NA\"]\n",
                         "study.toml"),
      three_layers());
  const auto& parameters = space.parameters().parameters();
  const auto relu = std::find_if(parameters.begin(), parameters.end(), [](const parameter::Parameter& parameter) {
    return parameter.name == "seq_blocks_3/config/data_in_width";
  });
  ASSERT_NE(relu, parameters.end());
  EXPECT_FALSE(relu->condition) << "a relu's name is always integer";
  const Candidate candidate = space.decode(probes(space.parameters(), 1).front());
  EXPECT_EQ(candidate.config[0].first, "seq_blocks_1");
}

constexpr const char* kTie = "[search.search_space.setup]\ntie = [[\"seq_blocks_2\", \"seq_blocks_4\"]]\n";

TEST(Conditions, TiedNodesShareThem) {
  const SearchSpace space = space_of(kQuantised + "[search.search_space.seed.seq_blocks_4.config]\n" +
                                         R"(name = ["NA", "integer"]
data_in_width = { low = 2, high = 16, when = { key = "name", is = ["integer"] } }
weight_width = { choices = [4, 8], when = { key = "name", is = "integer" } }
bias_width = { choices = [8], when = { key = "name", is = "integer" } }
)",
                                     kTie);
  EXPECT_EQ(space.size(), 31);
  EXPECT_EQ(bits_summary(space.decode({1, 4, 0}).graph), "2 x w4a6 float");
}

TEST(ConditionErrors, TiedConditionsThatDiffer) {
  EXPECT_EQ(
      message_of(kQuantised + "[search.search_space.seed.seq_blocks_4.config]\n" +
                     R"(name = ["NA", "integer"]
data_in_width = { low = 2, high = 16 }
weight_width = [4, 8]
bias_width = [8]
)",
                 kTie),
      "study.toml:5:17: search.search_space.seed.seq_blocks_2.config.data_in_width: keys that decide together must "
      "have one condition: seq_blocks_2/config/data_in_width needs name = integer, "
      "seq_blocks_4/config/data_in_width has none");
}

std::string of_condition(const std::string& condition) {
  return message_of(
      "name = [\"NA\", \"integer\"]\ndata_in_width = [8]\nweight_width = [8]\nbias_width = { choices = [8], "
      "when = " +
      condition + " }\n");
}

TEST(ConditionErrors, UnknownKeys) {
  EXPECT_EQ(of_condition("{ key = \"nmae\", is = \"integer\" }"),
            "study.toml:5:46: search.search_space.seed.seq_blocks_2.config.bias_width.when.key: seq_blocks_2 has no "
            "choices called \"nmae\"; did you mean \"name\"? (known: name, data_in_width, weight_width)");
  EXPECT_EQ(of_condition("{ key = \"seq_blocks_2/config/nmae\", is = \"integer\" }"),
            "study.toml:5:46: search.search_space.seed.seq_blocks_2.config.bias_width.when.key: this space has no "
            "choices called \"seq_blocks_2/config/nmae\"; did you mean \"seq_blocks_2/config/name\"? (known: "
            "seq_blocks_2/config/name, seq_blocks_2/config/data_in_width, seq_blocks_2/config/weight_width, "
            "seq_blocks_2/config/bias_width)");
}

TEST(ConditionErrors, ValuesThatAreNeverTaken) {
  EXPECT_EQ(of_condition("{ key = \"name\", is = [\"integer\", \"integre\"] }"),
            "study.toml:5:71: search.search_space.seed.seq_blocks_2.config.bias_width.when.is[1]: "
            "seq_blocks_2/config/name never takes the value \"integre\"; it is [NA, integer]; did you mean "
            "\"integer\"?");
  EXPECT_EQ(of_condition("{ key = \"weight_width\", is = 4 }"),
            "study.toml:5:67: search.search_space.seed.seq_blocks_2.config.bias_width.when.is: "
            "seq_blocks_2/config/weight_width never takes the value 4; it is [8]");
}

TEST(ConditionErrors, MalformedTables) {
  const std::string begin = "study.toml:5:38: search.search_space.seed.seq_blocks_2.config.bias_width.when: ";
  const std::string example = "when = { key = \"name\", is = [\"integer\"] }";
  EXPECT_EQ(of_condition("{ key = \"name\" }"), begin + "is is missing; write, for example, " + example);
  EXPECT_EQ(of_condition("{ is = \"integer\" }"), begin + "key is missing; write, for example, " + example);
  EXPECT_EQ(of_condition("\"integer\""), begin + "expected a table: " + example);
  EXPECT_EQ(of_condition("{ key = \"name\", are = \"integer\", is = \"NA\" }"),
            "study.toml:5:54: search.search_space.seed.seq_blocks_2.config.bias_width.when.are: unknown key (known: "
            "key, is)");
  EXPECT_EQ(of_condition("{ key = \"name\", is = [] }"),
            "study.toml:5:59: search.search_space.seed.seq_blocks_2.config.bias_width.when.is: the list is empty; the "
            "key would never be there");
  EXPECT_EQ(of_condition("{ key = 1, is = 2 }"),
            "study.toml:5:46: search.search_space.seed.seq_blocks_2.config.bias_width.when.key: expected a string; got "
            "1");
}

TEST(ConditionErrors, Circles) {
  EXPECT_EQ(
      message_of("name = [\"NA\", \"output_only\"]\n"
                 "channel_multiplier = { choices = [1, 2], when = { key = \"channel_multiplier_in\", is = 1 } }\n"
                 "channel_multiplier_in = { choices = [1, 2], when = { key = \"channel_multiplier\", is = 1 } }\n"),
      "study.toml:3:57: search.search_space.seed.seq_blocks_2.config.channel_multiplier.when.key: the conditions "
      "form a circle: seq_blocks_2/config/channel_multiplier upon seq_blocks_2/config/channel_multiplier_in, "
      "seq_blocks_2/config/channel_multiplier_in upon seq_blocks_2/config/channel_multiplier");
  EXPECT_EQ(message_of("channel_multiplier = { choices = [1, 2], when = { key = \"channel_multiplier\", is = 1 } }\n"),
            "study.toml:2:57: search.search_space.seed.seq_blocks_2.config.channel_multiplier.when.key: the conditions "
            "form a circle: seq_blocks_2/config/channel_multiplier upon seq_blocks_2/config/channel_multiplier");
}

TEST(ConditionErrors, ContinuousParents) {
  EXPECT_EQ(
      message_of("channel_multiplier = { low = 0.5, high = 2.0 }\n"
                 "channel_multiplier_in = { choices = [1, 2], when = { key = \"channel_multiplier\", is = 1 } }\n"),
      "study.toml:3:60: search.search_space.seed.seq_blocks_2.config.channel_multiplier_in.when.key: "
      "seq_blocks_2/config/channel_multiplier is continuous (0.5 .. 2); a condition needs a list, integers or a "
      "step");
  EXPECT_EQ(
      message_of("channel_multiplier = { low = 1, high = 5000 }\n"
                 "channel_multiplier_in = { choices = [1, 2], when = { key = \"channel_multiplier\", is = 1 } }\n"),
      "study.toml:3:60: search.search_space.seed.seq_blocks_2.config.channel_multiplier_in.when.key: "
      "seq_blocks_2/config/channel_multiplier has 5000 values; a condition may look at 4096 at most");
}

TEST(ConditionErrors, ChoicesAreCheckedWhereTheyAreThere) {
  EXPECT_EQ(
      message_of("name = [\"NA\", \"integer\"]\ndata_in_width = { low = 0, high = 8, when = { key = \"name\", is = "
                 "\"integer\" } }\nweight_width = [8]\nbias_width = [8]\n"),
      "study.toml:3:17: search.search_space.seed.seq_blocks_2.config.data_in_width: node seq_blocks_2: "
      "data_in: number format integer: width must be in [1, 32]; got 0");
}

TEST(ConditionErrors, OfDefaultOnValuesThatNoNodeTakes) {
  EXPECT_EQ(message_of("name = [\"NA\"]\n[search.search_space.seed.default.config]\nname = [\"NA\", \"integer\"]\n"
                       "data_in_width = { choices = [8], when = { key = \"name\", is = \"intger\" } }\n"),
            "study.toml:5:62: search.search_space.seed.default.config.data_in_width.when.is: default/config/name never "
            "takes the value \"intger\"; it is [NA, integer]; did you mean \"integer\"?");
}

}  // namespace
}  // namespace lathe::space
