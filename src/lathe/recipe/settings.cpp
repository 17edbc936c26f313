#include "lathe/recipe/settings.h"

#include <algorithm>
#include <charconv>

#include "lathe/base/log.h"

namespace lathe::recipe {
namespace {

using config::kCommandLine;
using config::Member;
using config::Table;
using config::Value;

constexpr std::string_view kVersionKey = "lathe_version";

template <typename Number>
std::optional<Number> parsed(const std::string& text) {
  Number number{};
  const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(begin, end, number);
  if (failure != std::errc() || stop != end) return std::nullopt;
  return number;
}

std::optional<Value::Data> typed(std::string_view type, const std::string& text) {
  if (type == "boolean" && (text == "true" || text == "false")) return text == "true";
  if (type == "integer" || type == "number") {
    if (const auto number = parsed<std::int64_t>(text)) return *number;
    if (const auto number = parsed<double>(text)) return *number;
  }
  return std::nullopt;
}

const TableKey* find_table_key(std::string_view name) {
  for (const TableKey& table : table_keys()) {
    if (table.name == name) return &table;
  }
  return nullptr;
}

std::vector<std::string> known_keys() {
  std::vector<std::string> names;
  for (const Option& option : options()) {
    if (option.effect == Effect::kHonoured) names.push_back(option.key());
  }
  for (const TableKey& table : table_keys()) {
    if (table.effect == Effect::kHonoured && find_option(table.name) == nullptr) names.push_back(table.name);
  }
  return names;
}

std::string where_and_key(const Value& value) {
  const std::string place = value.position().to_string();
  return place.empty() ? value.key() : fmt::format("{}: {}", place, value.key());
}

bool is_neutral(const Option& option, const Value& value) { return value.to_toml() == option.field.show(Settings{}); }

void read_option(const Option& option, const Value& value, Settings& settings) {
  option.field.read(settings, value);
  if (option.effect == Effect::kHonoured || is_neutral(option, value)) return;
  if (option.effect == Effect::kRefused) value.fail(fmt::format("is refused, because {}", option.reason));
  log::warning("{}: {} has no effect, because {}", where_and_key(value), value.to_toml(), option.reason);
}

void check_version(const Value& value) {
  const std::string& text = value.as_string();
  const std::string major = text.substr(0, text.find('.'));
  const auto theirs = parsed<std::int64_t>(major);
  if (!theirs) value.fail(fmt::format("expected a version such as \"{}\"; got \"{}\"", version(), text));
  const auto ours = parsed<std::int64_t>(std::string(version().substr(0, version().find('.'))));
  if (*theirs > *ours) {
    value.fail(fmt::format("the file is for lathe {}; this is lathe {}", text, version()));
  }
}

void read_member(const Member& member, Settings& settings) {
  const Value& value = member.value;
  const TableKey* table = find_table_key(member.name);
  const Option* option = find_option(member.name);
  if (member.name == kVersionKey) return check_version(value);
  if (member.name == "model" && value.is_table()) {
    settings.model_is_table = true;
  } else if (option != nullptr && option->key() == member.name) {
    if (value.is_na()) return;  // "NA" is MASE's way to say "not given"
    read_option(*option, value, settings);
  } else if (table != nullptr) {
    value.as_table();
    if (table->effect == Effect::kNone) {
      log::warning("{}: has no effect, because {}", where_and_key(value), table->reason);
    }
  } else {
    config::unknown_key(member, known_keys());
  }
  settings.given[member.name] = value.position().file == kCommandLine ? value.position() : member.key_position;
}

// Tells whether a file is of resolved_document, which writes every key: nearly all of them, since there were fewer
// once.
bool lists_all_keys(const Value& root) {
  std::ptrdiff_t honoured = 0, present = 0;
  for (const Option& option : options()) {
    if (option.effect != Effect::kHonoured) continue;
    ++honoured;
    present += root.find(option.key()) != nullptr ? 1 : 0;
  }
  return root.find(kVersionKey) != nullptr && 4 * present >= 3 * honoured;
}

void note_repeated(const Value& root, Settings& settings) {
  for (const Option& option : options()) {
    const Value* value = root.find(option.key());
    const bool in_file = value != nullptr && value->position().file != kCommandLine;
    if (in_file && option.effect == Effect::kHonoured && option.field.show(settings) == option.field.show(Settings{}))
      settings.repeated.insert(option.key());
  }
}

std::string shown(const Value* value) {
  if (value == nullptr) return {};
  return value->is_table() ? "[table]" : value->to_toml();
}

std::string effective_text(const Option& option, const Value* given, const Settings& settings) {
  if (option.key() == "model" && settings.model_is_table) return "[table]";
  if (option.effect == Effect::kHonoured) return option.field.show(settings);
  return given == nullptr ? std::string() : "no effect";
}

}  // namespace

std::string Settings::source_of(std::string_view key) const {
  const auto found = given.find(key);
  return found == given.end() ? "default" : found->second.to_string();
}

Value flag_value(std::string_view type, const std::string& flag, const std::string& text) {
  const SourcePosition position{std::string(kCommandLine), 0, 0};
  return Value(typed(type, text).value_or(Value::Data(text)), position, flag);
}

Settings read_settings(const Value& root) {
  Settings settings;
  for (const Member& member : root.as_table()) read_member(member, settings);
  if (lists_all_keys(root)) note_repeated(root, settings);
  return settings;
}

std::vector<SettingLine> setting_lines(const Value& file, const Value& root, const Settings& settings,
                                       const std::map<std::string, std::string>& effective) {
  std::vector<SettingLine> lines;
  for (const Option& option : options()) {
    const Value* final_value = root.find(option.key());
    if (option.effect != Effect::kHonoured && final_value == nullptr) continue;
    const auto other = effective.find(option.key());
    const bool typed_in = final_value != nullptr && settings.source_of(option.key()) == kCommandLine;
    lines.push_back({option.key(), option.field.show(Settings{}), shown(file.find(option.key())),
                     typed_in ? shown(final_value) : std::string(),
                     other != effective.end() ? other->second : effective_text(option, final_value, settings),
                     settings.source_of(option.key())});
  }
  return lines;
}

std::string resolved_document(const Value& root, const Settings& settings) {
  std::string text = fmt::format("{} = \"{}\"\n", kVersionKey, version());
  for (const Option& option : options()) {
    if (option.effect != Effect::kHonoured) continue;
    if (option.key() == "model" && settings.model_is_table) continue;
    text += fmt::format("{} = {}\n", option.key(), option.field.show(settings));
  }
  Table tables;
  for (const Member& member : root.as_table()) {
    if (member.value.is_table()) tables.push_back(member);
  }
  return text + "\n" + config::to_toml_document(Value(std::move(tables), {}, {}));
}

std::string_view version() { return LATHE_VERSION; }

}  // namespace lathe::recipe
