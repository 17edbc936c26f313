#pragma once

#include <string>
#include <vector>

#include "lathe/cli/command.h"

/// Texts about the program, all made from what the commands and the option table declare.
namespace lathe::cli {

/// Holds one flag as help, man page, completion and reference show it.
struct FlagLine {
  std::vector<std::string> names;
  std::string value_name;            ///< empty: a switch
  std::string help;                  ///< meaning, allowed values, default
  std::vector<std::string> choices;  ///< allowed values, for completion
};

/// Holds the flags under one heading.
struct FlagSection {
  std::string title;
  std::vector<FlagLine> flags;
};

/// Lists every flag of a command: its own, those of the frame, then the general settings by section. Flags of MASE
/// without effect or refused stand in sections of their own at the end.
std::vector<FlagSection> flag_sections(const Command& command);

/// Returns `lathe train [MODEL] [DATASET] [flags]`.
std::string usage(const Command& command);

/// Returns the description of a command, else its summary, as paragraphs without line breaks.
std::vector<std::string> paragraphs(const Command& command);

/// Returns the text of `lathe --help`.
std::string program_help();
/// Returns the text of `lathe COMMAND --help`.
std::string command_help(const Command& command);

/// Returns a man page in roff (man macros).
std::string man_page();
/// Returns a completion script for `bash`, `zsh` or `fish`.
std::string completion_script(std::string_view shell);
/// Returns docs/reference/options.md.
std::string options_reference();
/// Returns docs/reference/commands.md.
std::string commands_reference();

/// Lists the exit codes with their meaning.
std::vector<std::pair<int, std::string>> exit_codes();

}  // namespace lathe::cli
