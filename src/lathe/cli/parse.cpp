#include "lathe/cli/parse.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <set>

#include "lathe/cli/commands.h"

namespace lathe::cli {
namespace {

// Maps what is declared to what CLI11 collects.
struct Binding {
  const CLI::Option* parsed;
  std::vector<std::string> names;
};

std::vector<std::string> names_of_commands() {
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    if (!command.hidden) names.push_back(command.name);
  }
  return names;
}

bool takes_value(const Command* command, std::string_view flag) {
  const auto matches = [&](const Flag& each) {
    return !each.value_name.empty() && std::find(each.names.begin(), each.names.end(), flag) != each.names.end();
  };
  if (std::any_of(frame_flags().begin(), frame_flags().end(), matches)) return true;
  if (command != nullptr && std::any_of(command->flags.begin(), command->flags.end(), matches)) return true;
  const recipe::Option* option = recipe::find_option(flag);
  return option != nullptr && !option->value_name.empty();
}

// Finds the command: the first word that is neither a flag nor the value of a general flag.
std::size_t position_of_command(const std::vector<std::string>& arguments) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (!argument.starts_with('-')) return i;
    if (argument.find('=') == std::string::npos && takes_value(nullptr, argument)) ++i;
  }
  return arguments.size();
}

std::string joined_names(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

Binding bind(CLI::App& app, const std::vector<std::string>& names, bool has_value) {
  CLI::Option* option = has_value ? app.add_option(joined_names(names)) : app.add_flag(joined_names(names));
  if (has_value) option->expected(1);
  option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->allow_extra_args(false);
  return {option, names};
}

// Tells under which of its names a flag was typed; the last one where there are several.
std::string typed_name(const std::vector<std::string>& arguments, const std::vector<std::string>& names) {
  std::string found = names.front();
  for (const std::string& argument : arguments) {
    const std::string name = argument.substr(0, argument.find('='));
    if (std::find(names.begin(), names.end(), name) != names.end()) found = name;
  }
  return found;
}

std::vector<std::string> known_flags(const Command& command) {
  std::vector<std::string> flags;
  const auto add = [&](const std::vector<std::string>& names) {
    flags.insert(flags.end(), names.begin(), names.end());
  };
  for (const Flag& flag : command.flags) add(flag.names);
  for (const Flag& flag : frame_flags()) add(flag.names);
  if (!command.takes_settings) return flags;
  for (const recipe::Option& option : recipe::options()) add(option.flags);
  return flags;
}

[[noreturn]] void unknown_flag(const Command& command, const std::string& argument) {
  const std::string flag = argument.substr(0, argument.find('='));
  const std::string nearest = nearest_name(flag, known_flags(command));
  const std::string hint = nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest);
  const std::string help = command.name.empty() ? "lathe --help" : fmt::format("lathe {} --help", command.name);
  throw UserError("command line", fmt::format("{}: unknown flag{} (`{}` lists them)", flag, hint, help));
}

[[noreturn]] void flag_without_value(const std::vector<std::string>& arguments) {
  const std::string flag = arguments.empty() ? "" : arguments.back();
  throw UserError("command line", fmt::format("{}: a value must follow", flag.substr(0, flag.find('='))));
}

void run_parser(CLI::App& app, const Command& command, const std::vector<std::string>& arguments) {
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ArgumentMismatch&) {
    flag_without_value(arguments);
  } catch (const CLI::ParseError& error) {
    throw UserError("command line", error.what());
  }
  for (const std::string& extra : app.remaining()) {
    if (extra != "--") unknown_flag(command, extra);
  }
}

// Collects every text of every flag that was typed.
void collect_all(const std::vector<Binding>& bindings, const std::vector<std::string>& arguments,
                 std::vector<TypedFlag>& out) {
  for (const Binding& binding : bindings) {
    if (binding.parsed->count() == 0) continue;
    const std::string typed = typed_name(arguments, binding.names);
    for (const std::string& text : binding.parsed->results()) out.push_back({binding.names.front(), typed, text});
  }
}

// Collects the last text of every flag that was typed.
void collect(const std::vector<Binding>& bindings, const std::vector<std::string>& arguments,
             std::vector<TypedFlag>& out) {
  for (const Binding& binding : bindings) {
    if (binding.parsed->count() == 0) continue;
    out.push_back({binding.names.front(), typed_name(arguments, binding.names), binding.parsed->results().back()});
  }
}

}  // namespace

const std::vector<Flag>& frame_flags() {
  static const std::vector<Flag> flags{
      {{"--config"}, "PATH", "study file in TOML; a word that ends in .toml is taken as one too"},
      {{"--set"},
       "KEY=VALUE",
       "sets any key of the study file: --set search.strategy.setup.n_trials=50; may be repeated"},
      {{"--json"}, "", "prints one JSON document on standard output instead of text"},
      {{"--quiet", "-q"}, "", "prints results and warnings only"},
      {{"--no-warnings"}, "", "shows errors only"},
      {{"--help", "-h"}, "", "prints this help"},
      {{"--version", "-V"}, "", "prints the version"},
  };
  return flags;
}

ParsedLine parse_command(const Command& command, const std::vector<std::string>& arguments) {
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  std::vector<Binding> frame, own, settings;
  for (const Flag& flag : frame_flags()) frame.push_back(bind(app, flag.names, !flag.value_name.empty()));
  for (const Flag& flag : command.flags) own.push_back(bind(app, flag.names, !flag.value_name.empty()));
  for (const recipe::Option& option : recipe::options()) {
    if (!command.takes_settings || option.flags.empty()) continue;
    settings.push_back(bind(app, option.flags, !option.value_name.empty()));
  }
  ParsedLine line;
  line.command = &command;
  app.add_option("words", line.words)->allow_extra_args(true);
  run_parser(app, command, arguments);

  collect_all(own, arguments, line.own);
  collect(settings, arguments, line.settings);
  std::vector<TypedFlag> general;
  collect(frame, arguments, general);
  for (const TypedFlag& flag : general) {
    if (flag.name == "--config") line.config = flag.text;
    if (flag.name == "--json") line.json = true;
    if (flag.name == "--quiet") line.quiet = true;
    if (flag.name == "--no-warnings") line.no_warnings = true;
    if (flag.name == "--help") line.help = true;
    if (flag.name == "--version") line.version = true;
    if (flag.name == "--set") line.sets = app.get_option("--set")->results();
  }
  return line;
}

ParsedLine parse_line(const std::vector<std::string>& arguments) {
  const std::size_t at = position_of_command(arguments);
  if (at < arguments.size()) {
    const Command* command = find_command(arguments[at]);
    if (command == nullptr) {
      throw UserError("command line", fmt::format("unknown command \"{}\"{}", arguments[at],
                                                  suggestion(arguments[at], names_of_commands())));
    }
    std::vector<std::string> rest = arguments;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(at));
    return parse_command(*command, rest);
  }
  const Command none{.name = "", .summary = "", .description = "", .examples = {}, .takes_settings = false, .run = {}};
  ParsedLine line = parse_command(none, arguments);
  line.command = nullptr;
  return line;
}

}  // namespace lathe::cli
