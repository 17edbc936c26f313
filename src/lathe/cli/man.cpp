#include <fmt/format.h>

#include "lathe/cli/commands.h"
#include "lathe/cli/help.h"
#include "lathe/cli/terminal.h"

namespace lathe::cli {
namespace {

// Escapes text for roff: backslashes, hyphens that must stay ASCII, and a control character at a line's beginning.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
  }
  if (out.starts_with('.') || out.starts_with('\'')) out.insert(0, "\\&");
  return out;
}

std::string flag_entry(const FlagLine& flag) {
  std::string head;
  for (const std::string& name : flag.names) head += fmt::format("{}\\fB{}\\fR", head.empty() ? "" : ", ", roff(name));
  if (!flag.value_name.empty()) head += fmt::format(" \\fI{}\\fR", roff(flag.value_name));
  return fmt::format(".TP\n{}\n{}\n", head, roff(flag.help));
}

std::string command_entry(const Command& command) {
  std::string text = fmt::format(".SS {}\n", roff(usage(command)));
  for (const std::string& paragraph : paragraphs(command)) text += fmt::format(".PP\n{}\n", roff(paragraph));
  for (const Flag& flag : command.flags) text += flag_entry({flag.names, flag.value_name, flag.help, {}});
  for (const Example& example : command.examples) {
    text += fmt::format(".PP\n.EX\n{}\n.EE\n{}\n", roff(example.command_line), roff(example.explanation));
  }
  return text;
}

// The flags that all commands have in common: those of the frame and the general settings.
std::string common_flags() {
  const Command any{.name = {}, .summary = {}, .description = {}, .examples = {}, .run = {}};
  std::string text;
  for (const FlagSection& section : flag_sections(any)) {
    text += fmt::format(".SS {}\n", roff(section.title));
    for (const FlagLine& flag : section.flags) text += flag_entry(flag);
  }
  return text;
}

ExitCode run_man(const Invocation&) {
  print(man_page());
  return ExitCode::kSuccess;
}

}  // namespace

std::string man_page() {
  std::string text = fmt::format(".TH LATHE 1 \"\" \"lathe {}\" \"User commands\"\n", recipe::version());
  text +=
      ".SH NAME\nlathe \\- turns neural networks to size\n"
      ".SH SYNOPSIS\n\\fBlathe\\fR \\fICOMMAND\\fR [\\fIMODEL\\fR] [\\fIDATASET\\fR] [\\fIflags\\fR]\n"
      ".SH DESCRIPTION\nGiven a network, a data set and a TOML file that names the choices (channel widths, number "
      "formats, ...), lathe finds\nthe networks with the best trade\\-offs between accuracy and hardware cost, by "
      "really training or evaluating the candidates.\n"
      "Defaults give way to the study file, the file to the command line.\n.SH COMMANDS\n";
  for (const Command& command : commands()) {
    if (!command.hidden) text += command_entry(command);
  }
  text += ".SH OPTIONS\n" + common_flags() + ".SH EXIT STATUS\n";
  for (const auto& [code, meaning] : exit_codes()) text += fmt::format(".TP\n\\fB{}\\fR\n{}\n", code, roff(meaning));
  text +=
      ".SH ENVIRONMENT\n"
      ".TP\n\\fBLATHE_DATA_DIR\\fR\nfolder in which data sets are looked for\n"
      ".TP\n\\fBXDG_CACHE_HOME\\fR\nits folder lathe is looked in next; ~/.cache/lathe without it\n"
      ".TP\n\\fBNO_COLOR\\fR\nno colours where it is set\n";
  return text;
}

Command man_command() {
  return {.name = "man",
          .summary = "Print the man page",
          .description = "Prints the man page in roff.",
          .examples = {{"lathe man | man -l -", "shows it"}},
          .takes_settings = false,
          .run = run_man};
}

}  // namespace lathe::cli
