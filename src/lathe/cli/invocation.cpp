#include "lathe/cli/invocation.h"

#include <unistd.h>

#include <algorithm>

#include "lathe/cli/terminal_progress.h"
#include "lathe/cli/trial_flags.h"
#include "lathe/data/dataset.h"
#include "lathe/model/zoo.h"
#include "lathe/report/table.h"
#include "lathe/report/terminal.h"

namespace lathe::cli {
namespace {

constexpr const char* kCommandLine = "command line";

void put(Invocation& invocation, const std::string& key, std::string_view type, const std::string& shown,
         const std::string& text) {
  config::set_value(invocation.root, key, recipe::flag_value(type, shown, text));
}

void apply_settings(const ParsedLine& line, Invocation& invocation) {
  for (const TypedFlag& flag : line.settings) {
    const recipe::Option& option = *recipe::find_option(flag.name);
    put(invocation, option.key(), option.field.type, flag.typed, flag.text);
  }
}

void check_choice(const std::string& shown, const std::string& text, const std::vector<std::string>& choices) {
  if (!choices.empty()) config::detail::check_choice(recipe::flag_value("string", shown, text), choices);
}

void apply_own_flags(const ParsedLine& line, Invocation& invocation) {
  for (const TypedFlag& given : line.own) {
    const auto flag = std::find_if(line.command->flags.begin(), line.command->flags.end(),
                                   [&](const Flag& each) { return each.names.front() == given.name; });
    check_choice(given.typed, given.text, flag->choices);
    invocation.flags[given.name] = given.text;
    invocation.repeated[given.name].push_back(given.text);
    if (!flag->key.empty()) put(invocation, flag->key, flag->type, given.typed, given.text);
  }
}

void apply_sets(const ParsedLine& line, Invocation& invocation) {
  for (const std::string& text : line.sets) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) {
      throw UserError(kCommandLine, fmt::format("--set {}: write it as --set KEY=VALUE", text));
    }
    config::set_by_path(invocation.root, text.substr(0, equals), text.substr(equals + 1));
  }
}

// Tells whether a lone word can only be meant as the data set: `lathe test --load best.safetensors jets`.
bool names_data_alone(const std::string& word) {
  if (model::find_model(word) != nullptr) return false;
  return data::dataset_kinds().find(word) != nullptr;
}

// Takes the words apart: a study file, the command's own words, MODEL and DATASET, in this order. A trial of --from
// brings its network along: the only word is DATASET then, as is a lone word that names a data set.
void apply_words(const ParsedLine& line, Invocation& invocation) {
  const Command& command = *line.command;
  std::size_t taken = 0;
  for (const Word& word : command.words) {
    if (taken == line.words.size()) break;
    do {
      check_choice(word.name, line.words[taken], word.choices);
      invocation.words.push_back(line.words[taken++]);
    } while (word.repeats && taken < line.words.size());
  }
  const auto take_key = [&](bool allowed, const std::string& key) {
    if (allowed && taken < line.words.size()) put(invocation, key, "string", key, line.words[taken++]);
  };
  const bool data_alone =
      command.takes_dataset && taken + 1 == line.words.size() && names_data_alone(line.words[taken]);
  take_key(command.takes_model && !invocation.has("--from") && !data_alone, "model");
  take_key(command.takes_dataset, "dataset");
  if (taken < line.words.size()) {
    throw UserError(kCommandLine, fmt::format("\"{}\": one word too many; `lathe {} --help` shows the order",
                                              line.words[taken], command.name));
  }
  for (std::size_t i = taken; i < command.words.size(); ++i) {
    const Word& word = command.words[i];
    if (!word.required) continue;
    const std::string allowed = config::detail::choices_text(word.choices);
    throw UserError(kCommandLine, fmt::format("the word {} is missing{}{}; `lathe {} --help` shows the order",
                                              word.name, allowed.empty() ? "" : ": ", allowed, command.name));
  }
}

// A word that ends in .toml is the study file where --config names none.
ParsedLine with_config_word(ParsedLine line) {
  if (!line.command->takes_settings || !line.config.empty()) return line;
  const auto word = std::find_if(line.words.begin(), line.words.end(),
                                 [](const std::string& each) { return each.ends_with(".toml"); });
  if (word == line.words.end()) return line;
  line.config = *word;
  line.words.erase(word);
  return line;
}

void check_needs(const Command& command, const Invocation& invocation) {
  const auto missing = [&](const std::string& what, const std::string& how) {
    throw UserError(fmt::format("lathe {} needs {}: {}", command.name, what, how));
  };
  const recipe::Settings& settings = invocation.settings;
  const bool has_model = !settings.model.empty() || settings.model_is_table || invocation.has("--from");
  if (command.needs_config && invocation.config_path.empty()) missing("a study file", "give --config study.toml");
  if (command.needs_model && !has_model) {
    missing("a model", fmt::format("give it as a word, `lathe {} MODEL DATASET`, or as model = \"NAME\" in the file",
                                   command.name));
  }
  if (command.needs_dataset && settings.dataset.empty() && !invocation.has(command.settings_flag)) {
    missing(
        "a data set",
        fmt::format("give it as a word, `lathe {} MODEL DATASET`, or as dataset = \"NAME\" in the file", command.name));
  }
}

// Shows TOML as people read it in a table: plain words without quotes, - for nothing.
std::string table_cell(const std::string& toml) {
  if (toml == "\"\"" || toml == "\"NA\"") return "-";
  const bool plain = toml.size() > 2 && toml.front() == '"' && toml.find('\\') == std::string::npos;
  return plain ? toml.substr(1, toml.size() - 2) : toml;
}

}  // namespace

std::optional<std::string> Invocation::text(std::string_view flag) const {
  const auto found = flags.find(flag);
  if (found == flags.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string> Invocation::texts(std::string_view flag) const {
  const auto found = repeated.find(flag);
  return found == repeated.end() ? std::vector<std::string>{} : found->second;
}

std::optional<std::int64_t> Invocation::integer(std::string_view flag, std::int64_t lowest, std::int64_t most) const {
  const auto given = text(flag);
  if (!given) return std::nullopt;
  const config::Value value = recipe::flag_value("integer", std::string(flag), *given);
  const std::int64_t number = value.as_integer();
  if (number < lowest) value.fail(fmt::format("must be at least {}; got {}", lowest, number));
  if (number > most) value.fail(fmt::format("must be at most {}; got {}", most, number));
  return number;
}

Invocation merge_line(const ParsedLine& given) {
  const ParsedLine line = with_config_word(given);
  Invocation invocation;
  invocation.command = line.command->name;
  invocation.json = line.json;
  invocation.quiet = line.quiet;
  invocation.output_is_terminal = report::is_terminal(STDOUT_FILENO);
  invocation.error_is_terminal = report::is_terminal(STDERR_FILENO);
  if (!line.config.empty()) {
    invocation.config_path = line.config;
    invocation.file = config::parse_file(line.config);
    invocation.root = invocation.file;
  }
  apply_own_flags(line, invocation);
  apply_words(line, invocation);
  apply_settings(line, invocation);
  apply_sets(line, invocation);
  return invocation;
}

void read_invocation(const Command& command, Invocation& invocation) {
  if (command.takes_settings) invocation.settings = recipe::read_settings(invocation.root);
  check_needs(command, invocation);
  if (command.takes_trial) invocation.weights = weights_of_trial(invocation);
  invocation.progress = &terminal_progress();
}

std::string effective_table(const Invocation& invocation, int width, bool unicode,
                            const std::map<std::string, std::string>& effective) {
  const bool with_file = !invocation.config_path.empty();
  std::vector<report::TableColumn> columns{{.title = "Name", .narrowest = 0}, {.title = "Default"}};
  if (with_file) columns.push_back({.title = "Config. File"});
  columns.push_back({.title = "Manual Override"});
  columns.push_back({.title = "Effective"});
  report::Table table(std::move(columns));
  for (const recipe::SettingLine& line :
       recipe::setting_lines(invocation.file, invocation.root, invocation.settings, effective)) {
    std::vector<std::string> cells{line.key, table_cell(line.default_text)};
    if (with_file) cells.push_back(table_cell(line.file_text));
    cells.push_back(table_cell(line.command_line_text));
    cells.push_back(table_cell(line.effective_text));
    table.add_row(std::move(cells));
  }
  return table.to_string({.width = width, .unicode = unicode});
}

}  // namespace lathe::cli
