#include <fmt/format.h>

#include <set>

#include "lathe/cli/commands.h"
#include "lathe/cli/help.h"
#include "lathe/cli/terminal.h"

namespace lathe::cli {
namespace {

const std::vector<std::string> kShells{"bash", "zsh", "fish"};

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::string command_names() {
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    if (!command.hidden) names.push_back(command.name);
  }
  return joined(names);
}

std::vector<std::string> all_flags(const Command& command) {
  std::vector<std::string> names;
  for (const FlagSection& section : flag_sections(command)) {
    for (const FlagLine& flag : section.flags) names.insert(names.end(), flag.names.begin(), flag.names.end());
  }
  return names;
}

std::vector<std::string> word_choices(const Command& command) {
  std::vector<std::string> choices;
  for (const Word& word : command.words) choices.insert(choices.end(), word.choices.begin(), word.choices.end());
  return choices;
}

// Lists `--flag|--other) ... ;;` arms for every flag with a fixed list of values, over all commands.
std::string value_arms() {
  std::string text;
  std::set<std::string> done;
  for (const Command& command : commands()) {
    for (const FlagSection& section : flag_sections(command)) {
      for (const FlagLine& flag : section.flags) {
        if (flag.choices.empty() || !done.insert(flag.names.front()).second) continue;
        text += fmt::format("    {}) COMPREPLY=($(compgen -W \"{}\" -- \"$current\")); return ;;\n", flag.names.front(),
                            joined(flag.choices));
      }
    }
  }
  return text;
}

std::string bash_script() {
  std::string text =
      "# bash completion of lathe; source it, or put it into "
      "~/.local/share/bash-completion/completions/lathe\n"
      "_lathe() {\n"
      "  local current=\"${COMP_WORDS[COMP_CWORD]}\" previous=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
      "  COMPREPLY=()\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n";
  text += fmt::format("    COMPREPLY=($(compgen -W \"{} --help --version\" -- \"$current\")); return\n  fi\n",
                      command_names());
  text += "  case \"$previous\" in\n" + value_arms() +
          "  esac\n  local words=\"\" flags=\"\"\n  case \"${COMP_WORDS[1]}\" in\n";
  for (const Command& command : commands()) {
    if (command.hidden) continue;
    text += fmt::format("    {}) words=\"{}\" flags=\"{}\" ;;\n", command.name, joined(word_choices(command)),
                        joined(all_flags(command)));
  }
  return text +
         "  esac\n"
         "  case \"$current\" in\n"
         "    -*) COMPREPLY=($(compgen -W \"$flags\" -- \"$current\")) ;;\n"
         "    *) COMPREPLY=($(compgen -W \"$words\" -- \"$current\") $(compgen -f -- \"$current\")) ;;\n"
         "  esac\n"
         "}\n"
         "complete -o filenames -F _lathe lathe\n";
}

std::string zsh_script() {
  return "#compdef lathe\n# zsh completion of lathe, by its bash completion\nautoload -U +X bashcompinit && "
         "bashcompinit\n" +
         bash_script();
}

std::string fish_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string fish_flag(const Command& command, const FlagLine& flag) {
  std::string line = fmt::format("complete -c lathe -n '__fish_seen_subcommand_from {}'", command.name);
  for (const std::string& name : flag.names) {
    line += name.starts_with("--") ? fmt::format(" -l {}", name.substr(2)) : fmt::format(" -s {}", name.substr(1));
  }
  if (!flag.value_name.empty()) line += " -r";
  if (!flag.choices.empty()) line += fmt::format(" -f -a {}", fish_quoted(joined(flag.choices)));
  return fmt::format("{} -d {}\n", line, fish_quoted(flag.help));
}

std::string fish_script() {
  std::string text = "# fish completion of lathe; put it into ~/.config/fish/completions/lathe.fish\n";
  for (const Command& command : commands()) {
    if (command.hidden) continue;
    text += fmt::format("complete -c lathe -f -n __fish_use_subcommand -a {} -d {}\n", command.name,
                        fish_quoted(command.summary));
    for (const std::string& choice : word_choices(command)) {
      text += fmt::format("complete -c lathe -f -n '__fish_seen_subcommand_from {}' -a {}\n", command.name, choice);
    }
    for (const FlagSection& section : flag_sections(command)) {
      for (const FlagLine& flag : section.flags) text += fish_flag(command, flag);
    }
  }
  return text;
}

ExitCode run_completion(const Invocation& invocation) {
  print(completion_script(invocation.words.front()));
  return ExitCode::kSuccess;
}

}  // namespace

std::string completion_script(std::string_view shell) {
  if (shell == "zsh") return zsh_script();
  return shell == "fish" ? fish_script() : bash_script();
}

Command completion_command() {
  return {.name = "completion",
          .summary = "Print a completion script for a shell",
          .description = "Prints a script that completes commands, flags and their values.",
          .examples = {{"lathe completion bash > ~/.local/share/bash-completion/completions/lathe",
                        "installs it for bash"}},
          .words = {{"SHELL", "the shell", kShells}},
          .takes_settings = false,
          .run = run_completion};
}

}  // namespace lathe::cli
