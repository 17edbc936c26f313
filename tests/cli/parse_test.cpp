#include "lathe/cli/parse.h"

#include <gtest/gtest.h>

#include "config/error_text.h"
#include "sample_command.h"

namespace lathe::cli {
namespace {

std::string refused(const std::vector<std::string>& arguments) {
  const Command command = sample_command();
  return error_text([&] { parse_command(command, arguments); });
}

TEST(ParseCommand, MixesWordsAndFlags) {
  const Command command = sample_command();
  const ParsedLine line = parse_command(
      command, {"toy", "--max-epochs", "5", "jets", "--json", "--n-trials=7", "--max-steps", "-1", "--cpu", "2"});
  EXPECT_EQ(line.words, (std::vector<std::string>{"toy", "jets"}));
  ASSERT_EQ(line.settings.size(), 3u);
  EXPECT_EQ(line.settings[0].name, "--max-epochs");
  EXPECT_EQ(line.settings[0].text, "5");
  EXPECT_EQ(line.settings[1].text, "-1");
  EXPECT_EQ(line.settings[2].name, "--num-workers");
  EXPECT_EQ(line.settings[2].typed, "--cpu");
  ASSERT_EQ(line.own.size(), 1u);
  EXPECT_EQ(line.own[0].text, "7");
  EXPECT_TRUE(line.json);
  EXPECT_FALSE(line.quiet);
}

TEST(ParseCommand, TakesTheLastOfRepeatedFlagsAndEverySet) {
  const Command command = sample_command();
  const ParsedLine line = parse_command(
      command, {"--seed", "1", "--set", "a.b=[1, 2]", "--seed", "2", "--set", "c=", "--config", "x.toml"});
  ASSERT_EQ(line.settings.size(), 1u);
  EXPECT_EQ(line.settings[0].text, "2");
  EXPECT_EQ(line.sets, (std::vector<std::string>{"a.b=[1, 2]", "c="}));
  EXPECT_EQ(line.config, "x.toml");
}

TEST(ParseCommand, KnowsSwitchesAndShortFlags) {
  const Command command = sample_command();
  const ParsedLine line = parse_command(command, {"-q", "--debug", "-h", "-V", "--costs"});
  EXPECT_TRUE(line.quiet && line.help && line.version);
  ASSERT_EQ(line.settings.size(), 1u);
  EXPECT_EQ(line.settings[0].text, "true");
  EXPECT_EQ(line.own[0].name, "--costs");
}

TEST(ParseCommand, ShowsTheNearestFlag) {
  EXPECT_EQ(refused({"--max-epoch", "5"}),
            "command line: --max-epoch: unknown flag; did you mean --max-epochs? (`lathe shape --help` lists them)");
  EXPECT_EQ(refused({"--zzzzzzzzzzzzzzzzz=5"}),
            "command line: --zzzzzzzzzzzzzzzzz: unknown flag (`lathe shape --help` lists them)");
  EXPECT_EQ(refused({"--seed"}), "command line: --seed: a value must follow");
}

TEST(ParseLine, FindsTheCommandBehindFlags) {
  EXPECT_EQ(parse_line({"--quiet", "completion", "bash"}).words, std::vector<std::string>{"bash"});
  EXPECT_EQ(parse_line({"--help"}).command, nullptr);
  EXPECT_TRUE(parse_line({"--version"}).version);
  EXPECT_EQ(parse_line({}).command, nullptr);
}

TEST(ParseLine, ShowsTheNearestCommand) {
  const std::string text = error_text([] { parse_line({"completoin"}); });
  EXPECT_TRUE(text.starts_with("command line: unknown command \"completoin\"; did you mean \"completion\"? (known: "))
      << text;
}

}  // namespace
}  // namespace lathe::cli
