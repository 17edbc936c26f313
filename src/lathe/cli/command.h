#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/app/request.h"
#include "lathe/base/error.h"
#include "lathe/config/value.h"
#include "lathe/recipe/settings.h"

/// The commands of the program. To add one: write `cli/x.cpp` with `Command x_command()`, declare it in commands.h,
/// list it in commands.cpp and CMakeLists.txt; `cli/completion.cpp` is the smallest example. Help, man page, completion
/// and reference are made from what the command declares.
namespace lathe::cli {

/// Holds everything that a command is run with. Values are checked; only the command's own words are not.
struct Invocation : app::Request {
  std::string command;
  config::Value file;              ///< the study file as it was written; an empty table without one
  std::vector<std::string> words;  ///< positional words beside MODEL and DATASET (`fetch`, `jsc`)
  std::map<std::string, std::string, std::less<>> flags;  ///< the command's own flags that were given, by first name
  /// Every text of the command's own flags, by first name, in order: of flags that may be repeated.
  std::map<std::string, std::vector<std::string>, std::less<>> repeated;
  bool json = false;   ///< print one JSON document on standard output and nothing else there
  bool quiet = false;  ///< print results and warnings only
  bool output_is_terminal = false, error_is_terminal = false;

  /// Tells whether one of the command's own flags was given (`--show`).
  bool has(std::string_view flag) const { return flags.contains(flag); }
  /// Returns the text of one of the command's own flags; nullopt when not given.
  std::optional<std::string> text(std::string_view flag) const;
  /// Returns every text that one of the command's own flags was given.
  std::vector<std::string> texts(std::string_view flag) const;
  /// Returns it as an integer. Throws UserError when it is none, or is below `lowest` or above `most`.
  std::optional<std::int64_t> integer(std::string_view flag, std::int64_t lowest,
                                      std::int64_t most = std::numeric_limits<std::int64_t>::max()) const;
  /// Tells whether people read standard output: text, neither --json nor --quiet.
  bool talkative() const { return !json && !quiet; }
};

/// Seeds of a comparison or a table at most.
inline constexpr std::int64_t kMostSeeds = 1'000'000;

/// Declares a flag of one command. General settings (--batch-size, ...) need no declaration.
struct Flag {
  std::vector<std::string> names;  ///< `--n-trials`; the first is what Invocation::flags uses
  std::string value_name;          ///< `N`; empty: a switch
  std::string help;
  /// A dotted key of the study file that the flag sets, checked there like one from the file; `type` as in
  /// config::Field. Empty: the flag is the command's alone.
  std::string key = {};
  std::string type = "string";
  std::vector<std::string> choices = {};  ///< allowed values; checked where not empty
};

/// Declares a positional word beside MODEL and DATASET.
struct Word {
  std::string name;
  std::string help;
  std::vector<std::string> choices = {};  ///< allowed words; checked where not empty
  bool required = true;
  bool repeats = false;  ///< takes all words that follow; only the last one of a command without MODEL and DATASET
};

struct Example {
  std::string command_line;
  std::string explanation;
};

/// Declares a command.
struct Command {
  std::string name;
  std::string summary;      ///< one line, begins with a verb, no full stop
  std::string description;  ///< paragraphs for `--help` and the man page; empty: the summary
  std::vector<Example> examples;
  std::vector<Word> words = {};
  std::vector<Flag> flags = {};
  bool takes_settings = true;  ///< --config, --set and the general settings
  bool takes_model = false;    ///< [MODEL] as a positional word
  bool takes_dataset = false;  ///< [DATASET] as a positional word
  bool needs_model = false;    ///< an error without a model after file and command line are merged
  bool needs_dataset = false;
  bool needs_config = false;    ///< an error without --config
  bool shows_settings = false;  ///< print the effective table first (text mode)
  /// A flag of the command that brings settings and data along; the command shows them itself then. Empty: none.
  std::string settings_flag = {};
  bool takes_trial = false;  ///< trial_flags are among its flags: the weights of a trial are those to load
  bool hidden = false;       ///< not listed in `--help`
  std::function<ExitCode(const Invocation&)> run;
  /// Tells by key what the command uses in place of general settings, for the effective table; empty: nothing.
  std::function<std::map<std::string, std::string>(const Invocation&)> effective = {};
};

}  // namespace lathe::cli
