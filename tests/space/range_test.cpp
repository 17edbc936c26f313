#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/space/domain.h"
#include "lathe/space/probes.h"
#include "lathe/space/space.h"
#include "lathe/space/summary.h"
#include "space/networks.h"

namespace lathe::space {
namespace {

constexpr const char* kHead = "[search.search_space.seed.seq_blocks_2.config]\n";

/// Reads a space with these lines under the first layer of jsc-three-linear-layers.
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

/// Returns the message for `channel_multiplier = VALUE`, without its beginning, which every case shares.
std::string of_multiplier(const std::string& value) {
  const std::string begin = "study.toml:2:22: search.search_space.seed.seq_blocks_2.config.channel_multiplier: ";
  const std::string message = message_of("channel_multiplier = " + value + "\n");
  return message.starts_with(begin) ? message.substr(begin.size()) : message;
}

parameter::Distribution distribution_of(const std::string& lines) {
  return space_of(lines).parameters().parameters().at(0).distribution;
}

TEST(Ranges, IntegersWhereAllEndsAreIntegers) {
  EXPECT_EQ(distribution_of("channel_multiplier = { low = 1, high = 4 }\n"),
            parameter::Distribution(parameter::Integer{.low = 1, .high = 4}));
  EXPECT_EQ(distribution_of("channel_multiplier = { low = 1, high = 16, log = true }\n"),
            parameter::Distribution(parameter::Integer{.low = 1, .high = 16, .log = true}));
  EXPECT_EQ(distribution_of("channel_multiplier = { low = 1, high = 4, step = 0.5 }\n"),
            parameter::Distribution(parameter::Float{.low = 1, .high = 4, .step = 0.5}));
}

TEST(Ranges, FloatsWithAndWithoutStep) {
  const SearchSpace stepped = space_of("channel_multiplier = { low = 0.25, high = 2.0, step = 0.25 }\n");
  EXPECT_EQ(stepped.size(), 8);
  EXPECT_EQ(stepped.dimensions()[0].choice(2), Scalar(0.75));
  EXPECT_EQ(width_summary(stepped.decode({2}).graph), "16-12-16-5");
  const SearchSpace continuous = space_of("channel_multiplier = { low = 0.25, high = 2 }\n");
  EXPECT_EQ(continuous.size(), std::nullopt);
  EXPECT_EQ(continuous.size_text(), "infinitely many");
  EXPECT_EQ(width_summary(continuous.decode({0.8125}).graph), "16-13-16-5");
  EXPECT_EQ(continuous.find(continuous.decode({0.8125}).config), (Assignment{0.8125}));
}

TEST(Ranges, AListInATableIsTheListItself) {
  EXPECT_EQ(distribution_of("channel_multiplier = { choices = [1, 2, 4] }\n"),
            distribution_of("channel_multiplier = [1, 2, 4]\n"));
}

TEST(Ranges, OneValueIsNoDecision) {
  const SearchSpace space = space_of("channel_multiplier = { low = 2, high = 2 }\n");
  EXPECT_TRUE(space.dimensions().empty());
  EXPECT_EQ(space.size(), 1);
  EXPECT_EQ(width_summary(space.decode({}).graph), "16-32-16-5");
}

TEST(Ranges, AStepThatMissesTheEndIsAWarning) {
  log::Capture capture;
  EXPECT_EQ(space_of("channel_multiplier = { low = 1, high = 6, step = 2 }\n").size(), 3);
  EXPECT_NE(capture.text().find("study.toml:2:22: search.search_space.seed.seq_blocks_2.config.channel_multiplier: the "
                                "step does not reach high = 6; the last value is 5"),
            std::string::npos)
      << capture.text();
}

constexpr const char* kBits = R"(name = ["integer"]
data_in_width = { low = 2, high = 16 }
weight_width = { low = 4, high = 8, step = 2 }
bias_width = [8]
)";

TEST(Ranges, IntegersAreBits) {
  const SearchSpace space = space_of(kBits);
  EXPECT_EQ(space.size(), 45);
  EXPECT_EQ(bits_summary(space.decode({3, 1}).graph), "w6a5 2 x float");
  const Candidate candidate = space.decode({14, 2});
  EXPECT_EQ(candidate.config[0].second[1], (std::pair<std::string, Scalar>("bias_width", std::int64_t{8})));
  EXPECT_EQ(candidate.config[0].second[2], (std::pair<std::string, Scalar>("data_in_width", std::int64_t{16})));
  EXPECT_EQ(space.find(candidate.config), (Assignment{14, 2}));
}

TEST(Ranges, TheOrderSurvivesWritingTheFileAnew) {
  const config::Value root = config::parse_text(std::string(kHead) + kBits + "weight_frac_width = [1, 2]\n", "a.toml");
  const config::Value again = config::parse_text(config::to_toml_document(root), "b.toml");
  EXPECT_EQ(parse_space(root, three_layers()).parameters(), parse_space(again, three_layers()).parameters());
}

TEST(Ranges, EveryTypeOfNodeHasItsOwn) {
  const SearchSpace space = parse_space(
      config::parse_text(
          "[search.search_space.setup]\nby = \"type\"\n[search.search_space.seed.linear.config]\n" + std::string(kBits),
          "study.toml"),
      three_layers());
  EXPECT_EQ(space.dimensions().size(), 6u);
  EXPECT_EQ(space.size(), 45 * 45 * 45);
}

TEST(Ranges, ProbesKnowBothEnds) {
  const SearchSpace space = space_of("channel_multiplier = { low = 0.25, high = 8.0 }\n");
  const auto probed = probes(space.parameters(), 100);
  EXPECT_EQ(probed.front(), (Assignment{0.25}));
  EXPECT_EQ(probed.back(), (Assignment{8}));
  EXPECT_EQ(probes(space_of(kBits).parameters(), 100).size(), 45u);
  EXPECT_EQ(probes(space_of(kBits).parameters(), 20).size(), 1u + 14 + 2);
}

constexpr const char* kTie = "[search.search_space.setup]\ntie = [[\"seq_blocks_2\", \"seq_blocks_4\"]]\n";
const std::string kSecond = "[search.search_space.seed.seq_blocks_4.config]\nname = [\"both\"]\n";

TEST(Ranges, TieSharesThem) {
  const std::string range = "channel_multiplier = { low = 1, high = 3 }\n";
  const SearchSpace space = space_of("name = [\"output_only\"]\n" + range + kSecond + range, kTie);
  EXPECT_EQ(space.size(), 3);
  EXPECT_EQ(space.dimensions()[0].choice(2), Scalar(std::int64_t{3}));
  EXPECT_EQ(width_summary(space.decode({2}).graph), "16-48-48-5");
  EXPECT_EQ(space.find(space.decode({1}).config), (Assignment{1}));
}

TEST(RangeErrors, TiedRangesThatDiffer) {
  EXPECT_EQ(message_of("name = [\"output_only\"]\nchannel_multiplier = { low = 1, high = 3 }\n" + kSecond +
                           "channel_multiplier = { low = 1, high = 4.0, step = 0.5 }\n",
                       kTie),
            "study.toml:2:8: search.search_space.setup.tie[0]: the choices of channel_multiplier differ: 1 .. 3 for "
            "seq_blocks_2 and 1 .. 4 step 0.5 for seq_blocks_4");
}

TEST(RangeErrors, ZipIsForLists) {
  EXPECT_EQ(message_of(kBits, "[search.search_space.setup]\nzip = [[\"bias_width\", \"data_in_width\"]]\n"),
            "study.toml:2:8: search.search_space.setup.zip[0]: only lists move together; "
            "seq_blocks_2/config/data_in_width is the range 2 .. 16");
}

TEST(RangeErrors, Ends) {
  EXPECT_EQ(of_multiplier("{ low = 3, high = 2 }"), "low 3 is above high 2");
  EXPECT_EQ(of_multiplier("{ low = 3 }"), "high is missing; a range has both ends: { low = 2, high = 16 }");
  EXPECT_EQ(of_multiplier("{ high = 3 }"), "low is missing; a range has both ends: { low = 2, high = 16 }");
  EXPECT_EQ(of_multiplier("{ step = 3 }"), "needs choices = [...], or low and high: { low = 2, high = 16 }");
  EXPECT_EQ(of_multiplier("{}"), "needs choices = [...], or low and high: { low = 2, high = 16 }");
  EXPECT_EQ(of_multiplier("{ low = 1.0, high = inf }"), "low and high must be finite");
  EXPECT_EQ(message_of("channel_multiplier = { low = \"1\", high = 2 }\n"),
            "study.toml:2:30: search.search_space.seed.seq_blocks_2.config.channel_multiplier.low: expected a number; "
            "got \"1\"");
}

TEST(Ranges, LogarithmsOfAnyWidthHaveSamples) {
  using parameter::Float;
  for (const auto& [low, high] :
       {std::pair(1e-300, 1e10), std::pair(5e-324, 1e308), std::pair(5e-324, 1e-320), std::pair(1e-5, 1e-1)}) {
    const parameter::Distribution range = parameter::checked(Float{.low = low, .high = high, .log = true});
    const std::vector<double> codes = sample_codes(range, 5);
    ASSERT_EQ(codes.size(), 5u);
    EXPECT_EQ(codes.front(), low);
    EXPECT_EQ(codes.back(), high);
    EXPECT_TRUE(std::is_sorted(codes.begin(), codes.end()));
    for (const double code : codes) EXPECT_TRUE(parameter::code_of_internal(range, code)) << code;
    EXPECT_NEAR(std::log(codes[2]), (std::log(low) + std::log(high)) / 2, 0.5);
  }
}

TEST(RangeErrors, StepsAndLogarithms) {
  EXPECT_EQ(of_multiplier("{ low = 1, high = 4, step = 0 }"), "step must be at least 1; got 0");
  EXPECT_EQ(of_multiplier("{ low = 1.0, high = 4, step = -0.5 }"), "step must be above 0; got -0.5");
  EXPECT_EQ(of_multiplier("{ low = 1.0, high = 4, step = 0.5, log = true }"), "log and step exclude each other");
  EXPECT_EQ(of_multiplier("{ low = 1, high = 4, step = 2, log = true }"), "log and step exclude each other");
  EXPECT_EQ(of_multiplier("{ low = 0.0, high = 4, log = true }"), "log needs low > 0; got 0");
  EXPECT_EQ(of_multiplier("{ low = 0, high = 4, log = true }"), "log needs low >= 1; got 0");
  EXPECT_EQ(message_of("channel_multiplier = { low = 1, high = 4, log = 1 }\n"),
            "study.toml:2:49: search.search_space.seed.seq_blocks_2.config.channel_multiplier.log: expected true or "
            "false; got 1");
}

TEST(RangeErrors, KeysOfTheTable) {
  EXPECT_EQ(message_of("channel_multiplier = { lo = 1, high = 4 }\n"),
            "study.toml:2:24: search.search_space.seed.seq_blocks_2.config.channel_multiplier.lo: unknown key; did you "
            "mean \"low\"? (known: choices, low, high, step, log, when)");
  EXPECT_EQ(message_of("channel_multiplier = { choices = [1, 2], high = 4 }\n"),
            "study.toml:2:49: search.search_space.seed.seq_blocks_2.config.channel_multiplier.high: belongs to a range "
            "and excludes choices");
  EXPECT_EQ(message_of("channel_multiplier = { choices = [] }\n"),
            "study.toml:2:34: search.search_space.seed.seq_blocks_2.config.channel_multiplier.choices: the list of "
            "choices is empty; it needs at least one");
  EXPECT_EQ(message_of("channel_multiplier = { choices = 4 }\n"),
            "study.toml:2:34: search.search_space.seed.seq_blocks_2.config.channel_multiplier.choices: must be a list "
            "of choices; for one choice write [4]");
}

TEST(RangeErrors, WidthsAreIntegers) {
  EXPECT_EQ(message_of("name = [\"integer\"]\ndata_in_width = { low = 2, high = 16.5 }\n"),
            "study.toml:3:35: search.search_space.seed.seq_blocks_2.config.data_in_width.high: must be an integer, as "
            "the values of this key are; got 16.5");
  EXPECT_EQ(message_of("name = [\"integer\"]\ndata_in_width = { low = 2, high = 16, step = 0.5 }\n"),
            "study.toml:3:46: search.search_space.seed.seq_blocks_2.config.data_in_width.step: must be an integer, as "
            "the values of this key are; got 0.5");
}

TEST(RangeErrors, WordsHaveNoRange) {
  EXPECT_EQ(
      message_of("name = { low = 2, high = 16 }\n"),
      "study.toml:2:8: search.search_space.seed.seq_blocks_2.config.name: has words for values, not numbers: list "
      "them, as in { choices = [\"NA\", \"integer\"] }");
}

TEST(RangeErrors, ValuesThatGiveNoNetwork) {
  EXPECT_EQ(message_of("name = [\"integer\"]\ndata_in_width = { low = 0, high = 8 }\nweight_width = [8]\n"
                       "bias_width = [8]\n"),
            "study.toml:3:17: search.search_space.seed.seq_blocks_2.config.data_in_width: node seq_blocks_2: "
            "data_in: number format integer: width must be in [1, 32]; got 0");
  EXPECT_EQ(of_multiplier("{ low = -1, high = 2 }"), "must be above 0; got -1");
}

}  // namespace
}  // namespace lathe::space
