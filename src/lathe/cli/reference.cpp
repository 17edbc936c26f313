#include <fmt/format.h>

#include "lathe/cli/commands.h"
#include "lathe/cli/help.h"
#include "lathe/cli/terminal.h"
#include "lathe/model/networks_reference.h"
#include "lathe/recipe/study_settings.h"

namespace lathe::cli {
namespace {

constexpr const char* kMade = "<!-- Made by `lathe reference`; change the tables in the sources, not this file. -->\n";

// Escapes what would end a cell of a Markdown table.
std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : std::string(1, c);
  return out;
}

std::string code(const std::string& text) { return text.empty() ? "" : fmt::format("`{}`", cell(text)); }

std::string flags_cell(const std::vector<std::string>& names, const std::string& value_name) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : ", ") + code(value_name.empty() ? name : name + " " + value_name);
  }
  return text;
}

std::string honoured_rows(const std::string& section) {
  std::string text = "| Key | Flag | Type | Default | Allowed | Meaning |\n|---|---|---|---|---|---|\n";
  for (const recipe::Option& option : recipe::options()) {
    if (option.section != section) continue;
    text += fmt::format("| {} | {} | {} | {} | {} | {} |\n", code(option.key()),
                        flags_cell(option.flags, option.value_name), option.field.type,
                        code(option.field.show(recipe::Settings{})), cell(option.field.allowed),
                        cell(option.field.description));
  }
  return text;
}

std::string inert_rows(const std::string& section) {
  std::string text = "| Key | Flag | Type | Default | Meaning in MASE | Why |\n|---|---|---|---|---|---|\n";
  for (const recipe::Option& option : recipe::options()) {
    if (option.section != section) continue;
    text +=
        fmt::format("| {} | {} | {} | {} | {} | {} |\n", code(option.key()),
                    flags_cell(option.flags, option.value_name), option.field.type,
                    code(option.field.show(recipe::Settings{})), cell(option.field.description), cell(option.reason));
  }
  return text;
}

std::string section_text(const std::string& title, recipe::Effect effect) {
  if (effect == recipe::Effect::kHonoured) return fmt::format("\n## {}\n\n{}", title, honoured_rows(title));
  const std::string rule =
      effect == recipe::Effect::kNone
          ? "Accepted, so that MASE's files and scripts run; a value other than the default is warned "
            "of."
          : "An error when given with a value other than the default.";
  return fmt::format("\n## {}\n\n{}\n\n{}", title, rule, inert_rows(title));
}

std::string table_rows() {
  std::string text = "\n## Tables\n\n| Table | Meaning |\n|---|---|\n";
  for (const recipe::TableKey& table : recipe::table_keys()) {
    const std::string reason = table.effect == recipe::Effect::kNone ? "; without effect: " + table.reason : "";
    text += fmt::format("| `[{}]` | {}{} |\n", table.name, cell(table.description), cell(reason));
  }
  return text;
}

std::string command_text(const Command& command) {
  std::string text =
      fmt::format("\n## {}\n\n{}\n\n    {}\n", command.name,
                  command.description.empty() ? command.summary + "." : command.description, usage(command));
  if (!command.words.empty() || !command.flags.empty()) text += "\n| Word or flag | Meaning |\n|---|---|\n";
  for (const Word& word : command.words) {
    const std::string allowed = config::detail::choices_text(word.choices);
    text +=
        fmt::format("| {} | {}{} |\n", code(word.name), cell(word.help), allowed.empty() ? "" : ": " + cell(allowed));
  }
  for (const Flag& flag : command.flags) {
    const std::string allowed = config::detail::choices_text(flag.choices);
    const std::string key = flag.key.empty() ? "" : fmt::format(" (key `{}`)", flag.key);
    text += fmt::format("| {} | {}{}{} |\n", flags_cell(flag.names, flag.value_name), cell(flag.help),
                        allowed.empty() ? "" : ": " + cell(allowed), key);
  }
  for (const Example& example : command.examples) {
    text += fmt::format("\n    {}\n\n{}\n", example.command_line, example.explanation);
  }
  return text;
}

ExitCode run_reference(const Invocation& invocation) {
  const std::string& page = invocation.words.front();
  print(page == "options"    ? options_reference()
        : page == "study"    ? recipe::study_reference()
        : page == "networks" ? model::networks_reference()
                             : commands_reference());
  return ExitCode::kSuccess;
}

}  // namespace

std::string options_reference() {
  std::string text = fmt::format(
      "{}# Settings\n\nTop-level keys of a study file. Each is a flag of every command that takes settings, and can "
      "also be "
      "given as `--set KEY=VALUE`. Defaults give way to the file, the file to the command line. `\"NA\"` means \"not "
      "given\". `lathe_version` may say for which version a file was written; one of a newer major version is "
      "refused.\n",
      kMade);
  std::string section;
  for (const recipe::Option& option : recipe::options()) {
    if (option.section == section) continue;
    section = option.section;
    text += section_text(section, option.effect);
  }
  return text + table_rows();
}

std::string commands_reference() {
  std::string text = fmt::format(
      "{}# Commands\n\nEvery command also takes the flags of [options.md](options.md) where it "
      "takes settings, and these:\n\n| Flag | Meaning |\n|---|---|\n",
      kMade);
  const Command any{.name = {}, .summary = {}, .description = {}, .examples = {}, .run = {}};
  const std::vector<FlagSection> sections = flag_sections(any);
  for (const FlagLine& flag : sections.front().flags) {
    text += fmt::format("| {} | {} |\n", flags_cell(flag.names, flag.value_name), cell(flag.help));
  }
  for (const Command& command : commands()) {
    if (!command.hidden) text += command_text(command);
  }
  text += "\n## Exit codes\n\n| Code | Meaning |\n|---|---|\n";
  for (const auto& [number, meaning] : exit_codes()) text += fmt::format("| {} | {} |\n", number, meaning);
  return text;
}

Command reference_command() {
  return {.name = "reference",
          .summary = "Print a page of docs/reference",
          .description = "Prints a page of docs/reference in Markdown.",
          .examples = {{"lathe reference options > docs/reference/options.md", "renews the page"}},
          .words = {{"PAGE", "the page", {"options", "commands", "study", "networks"}}},
          .takes_settings = false,
          .hidden = true,
          .run = run_reference};
}

}  // namespace lathe::cli
