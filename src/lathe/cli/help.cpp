#include "lathe/cli/help.h"

#include <fmt/format.h>

#include <algorithm>

#include "lathe/cli/commands.h"
#include "lathe/cli/parse.h"

namespace lathe::cli {
namespace {

constexpr std::size_t kTextWidth = 100;
constexpr std::size_t kIndent = 4;

FlagLine line_of(const Flag& flag) {
  std::string help = flag.help;
  if (!flag.choices.empty()) help += fmt::format(": {}", config::detail::choices_text(flag.choices));
  return {flag.names, flag.value_name, help, flag.choices};
}

FlagLine line_of(const recipe::Option& option) {
  std::string help = option.field.description;
  if (!option.field.allowed.empty()) help += fmt::format("; {}", option.field.allowed);
  if (option.effect == recipe::Effect::kHonoured) {
    const std::string value = option.field.show(recipe::Settings{});
    if (value != "\"\"" && value != "\"NA\"" && value != "false") help += fmt::format("; default {}", value);
  } else {
    help += fmt::format(": {}", option.reason);
  }
  return {option.flags, option.value_name, help, option.choices};
}

void add_general_sections(std::vector<FlagSection>& sections) {
  for (const recipe::Option& option : recipe::options()) {
    if (option.flags.empty()) continue;
    if (sections.empty() || sections.back().title != option.section) sections.push_back({option.section, {}});
    sections.back().flags.push_back(line_of(option));
  }
}

// Breaks text into lines of kTextWidth, each indented.
std::string wrapped(const std::string& text, std::size_t indent) {
  const std::string margin(indent, ' ');
  std::string out = margin, line;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (!line.empty() && indent + line.size() + 1 + word.size() > kTextWidth) {
      out += line + "\n" + margin;
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
    at = end + 1;
  }
  return out + line + "\n";
}

std::string left_part(const FlagLine& flag) {
  std::string text;
  for (const std::string& name : flag.names) text += (text.empty() ? "" : ", ") + name;
  return flag.value_name.empty() ? text : text + " " + flag.value_name;
}

std::string flag_text(const FlagLine& flag) {
  constexpr std::size_t kColumn = 34;
  const std::string left = std::string(2, ' ') + left_part(flag);
  std::string help = wrapped(flag.help, kColumn);
  if (left.size() + 2 > kColumn) return left + "\n" + help;
  return left + help.substr(left.size());
}

std::string word_lines(const Command& command) {
  std::string text;
  const auto add = [&](const std::string& name, const std::string& help) { text += flag_text({{name}, "", help, {}}); };
  for (const Word& word : command.words) {
    const std::string allowed = config::detail::choices_text(word.choices);
    add(word.name, allowed.empty() ? word.help : word.help + ": " + allowed);
  }
  if (command.takes_model) add("MODEL", "network: a name of the zoo, or a file");
  if (command.takes_dataset) add("DATASET", "data set: a name, or the path of a csv or npy file");
  return text.empty() ? text : "\nWords:\n" + text;
}

std::string example_lines(const Command& command) {
  std::string text;
  for (const Example& example : command.examples) {
    text += fmt::format("  {}\n{}", example.command_line, wrapped(example.explanation, kIndent + 2));
  }
  return text.empty() ? text : "\nExamples:\n" + text;
}

}  // namespace

std::vector<FlagSection> flag_sections(const Command& command) {
  std::vector<FlagSection> sections;
  if (!command.flags.empty()) {
    sections.push_back({fmt::format("lathe {}", command.name), {}});
    for (const Flag& flag : command.flags) sections.back().flags.push_back(line_of(flag));
  }
  sections.push_back({"All commands", {}});
  for (const Flag& flag : frame_flags()) {
    const bool of_settings = flag.names.front() == "--config" || flag.names.front() == "--set";
    if (command.takes_settings || !of_settings) sections.back().flags.push_back(line_of(flag));
  }
  if (command.takes_settings) add_general_sections(sections);
  return sections;
}

std::vector<std::string> paragraphs(const Command& command) {
  const std::string text = command.description.empty() ? command.summary + "." : command.description;
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find("\n\n", at), text.size());
    out.push_back(text.substr(at, end - at));
    std::replace(out.back().begin(), out.back().end(), '\n', ' ');
    at = end + 2;
  }
  return out;
}

std::string usage(const Command& command) {
  std::string text = "lathe " + command.name;
  for (const Word& word : command.words) {
    const std::string shown = word.name + (word.repeats ? "..." : "");
    text += word.required ? " " + shown : fmt::format(" [{}]", shown);
  }
  if (command.takes_model) text += " [MODEL]";
  if (command.takes_dataset) text += " [DATASET]";
  return text + " [flags]";
}

std::string program_help() {
  std::string text =
      "lathe turns neural networks to size: give it a network, a data set and a TOML file that names the "
      "choices,\nand it finds the best trade-offs between accuracy and hardware cost.\n\n"
      "Usage: lathe COMMAND [MODEL] [DATASET] [flags]\n\nCommands:\n";
  for (const Command& command : commands()) {
    if (!command.hidden) text += fmt::format("  {:<12}{}\n", command.name, command.summary);
  }
  return text +
         "\n`lathe COMMAND --help` shows flags and examples. Defaults give way to the file, the file to the command "
         "line;\nany key of the file can be given as --set KEY=VALUE.\n";
}

std::string command_help(const Command& command) {
  std::string text = fmt::format("Usage: {}\n\n", usage(command));
  std::string described;
  for (const std::string& paragraph : paragraphs(command)) {
    described += (described.empty() ? "" : "\n") + wrapped(paragraph, 0);
  }
  text += described + word_lines(command) + example_lines(command);
  std::string inert;
  for (const FlagSection& section : flag_sections(command)) {
    if (section.title.starts_with("MASE")) {
      for (const FlagLine& flag : section.flags) inert += (inert.empty() ? "" : " ") + flag.names.front();
      continue;
    }
    text += fmt::format("\n{}:\n", section.title);
    for (const FlagLine& flag : section.flags) text += flag_text(flag);
  }
  if (!inert.empty()) {
    text += "\nMASE's flags that change nothing here (a warning or an error says why):\n" + wrapped(inert, 2);
  }
  return text;
}

std::vector<std::pair<int, std::string>> exit_codes() {
  return {{0, "success"},
          {1, "a defect of lathe itself"},
          {2, "a mistake on the command line or in the study file, or a request that makes no sense"},
          {3, "a data set or checkpoint that is absent, truncated or inconsistent"},
          {4, "no back end or device for what was asked"},
          {5, "a failing file system, database or network"},
          {6, "the search ended and no trial completed"},
          {130, "stopped by the user"}};
}

}  // namespace lathe::cli
