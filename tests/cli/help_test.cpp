#include "lathe/cli/help.h"

#include <gtest/gtest.h>

#include <set>

#include "lathe/base/file.h"
#include "lathe/cli/commands.h"
#include "lathe/model/networks_reference.h"
#include "lathe/recipe/study_settings.h"
#include "program.h"
#include "sample_command.h"

namespace lathe::cli {
namespace {

TEST(Commands, HaveDistinctNamesHelpAndExamples) {
  std::set<std::string> names;
  for (const Command& command : commands()) {
    EXPECT_TRUE(names.insert(command.name).second) << command.name;
    EXPECT_FALSE(command.summary.empty()) << command.name;
    EXPECT_FALSE(command.examples.empty()) << command.name;
    EXPECT_TRUE(command.run) << command.name;
    for (const Example& example : command.examples) {
      EXPECT_TRUE((example.command_line + " ").starts_with("lathe " + command.name + " ")) << example.command_line;
    }
  }
}

TEST(Commands, HaveNoFlagTwice) {
  for (const Command& command : commands()) {
    std::set<std::string> names;
    for (const FlagSection& section : flag_sections(command)) {
      for (const FlagLine& flag : section.flags) {
        for (const std::string& name : flag.names)
          EXPECT_TRUE(names.insert(name).second) << command.name << " " << name;
      }
    }
  }
}

TEST(Help, ShowsWordsFlagsDefaultsAndExamples) {
  const std::string help = command_help(sample_command());
  for (const char* part : {"Usage: lathe shape [MODEL] [DATASET] [flags]", "lathe shape toy jets", "--n-trials N",
                           "--batch-size N", "at least 1;", "\"best\" or \"all\"", "--num-workers"}) {
    EXPECT_NE(help.find(part), std::string::npos) << part;
  }
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 120u) << line;
}

TEST(Help, KeepsParagraphs) {
  Command command = sample_command();
  command.description = "First, broken\nby the source.\n\nSecond.";
  EXPECT_NE(command_help(command).find("\n\nFirst, broken by the source.\n\nSecond.\n"), std::string::npos);
}

TEST(Completion, IsAcceptedByTheShell) {
  const testing::TemporaryFolder folder;
  write_text_file_atomically(folder.path() / "lathe.bash", completion_script("bash"));
  const auto result =
      testing::run_program("bash -c 'source " + (folder.path() / "lathe.bash").string() +
                               "; COMP_WORDS=(lathe completion --qu); COMP_CWORD=2; _lathe; echo ${COMPREPLY[@]}'",
                           folder.path());
  EXPECT_EQ(result.output, "--quiet\n") << result.errors;
  EXPECT_NE(completion_script("zsh").find("#compdef lathe"), std::string::npos);
  EXPECT_NE(completion_script("fish").find("complete -c lathe"), std::string::npos);
}

TEST(ManPage, ListsCommandsAndExitCodes) {
  const std::string page = man_page();
  for (const char* part : {".TH LATHE 1", ".SH COMMANDS", "\\fB\\-\\-batch\\-size\\fR", ".SH EXIT STATUS"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part;
  }
}

TEST(Reference, IsUpToDate) {
  const std::filesystem::path folder = std::filesystem::path(LATHE_SOURCE_DIR) / "docs/reference";
  const char* hint = "renew it: cmake --build build --target lathe_reference";
  EXPECT_TRUE(read_text_file(folder / "options.md") == options_reference()) << hint;
  EXPECT_TRUE(read_text_file(folder / "commands.md") == commands_reference()) << hint;
  EXPECT_TRUE(read_text_file(folder / "study.md") == recipe::study_reference()) << hint;
  EXPECT_TRUE(read_text_file(folder / "networks.md") == model::networks_reference()) << hint;
}

}  // namespace
}  // namespace lathe::cli
