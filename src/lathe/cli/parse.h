#pragma once

#include <string>
#include <vector>

#include "lathe/cli/command.h"

namespace lathe::cli {

/// Holds a flag as it was typed. `name` is the first name of its declaration, `typed` the one on the command line.
struct TypedFlag {
  std::string name, typed, text;
};

/// Holds a command line taken apart; nothing but the names of flags has been checked.
struct ParsedLine {
  const Command* command = nullptr;  ///< null for `lathe --help`, `lathe --version`
  std::vector<TypedFlag> settings;   ///< flags of general settings; of one that was repeated the last counts
  std::vector<TypedFlag> own;        ///< flags of the command, those that were repeated several times
  std::vector<std::string> sets;     ///< texts of --set, in order
  std::vector<std::string> words;    ///< positional words, in order
  std::string config;                ///< text of --config; empty when absent
  bool json = false, quiet = false, no_warnings = false, help = false, version = false;
};

/// Lists the flags that the frame of the program takes for every command (`--config`, `--set`, `--json`, ...).
const std::vector<Flag>& frame_flags();

/// Takes a command line apart (without the program's name); words may stand between flags. Throws UserError for an
/// unknown command or flag (nearest shown) and a flag without its value.
ParsedLine parse_line(const std::vector<std::string>& arguments);

/// As parse_line, for a command that is known already; `arguments` are those beside its name. `command` must outlive
/// the result.
ParsedLine parse_command(const Command& command, const std::vector<std::string>& arguments);

}  // namespace lathe::cli
