#include "lathe/config/value.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <sstream>

#include "lathe/base/file.h"
#include "lathe/config/nesting.h"

namespace lathe::config {
namespace {

SourcePosition position_of(const toml::source_region& source, const std::string& file) {
  return {file, static_cast<int>(source.begin.line), static_cast<int>(source.begin.column)};
}

bool is_bare_key(std::string_view name) {
  const auto allowed = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-'; };
  return !name.empty() && std::all_of(name.begin(), name.end(), allowed);
}

std::string escaped(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (code < 0x20 || code == 0x7f) {
      out += fmt::format("\\u{:04X}", code);
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string key_text(std::string_view name) { return is_bare_key(name) ? std::string(name) : escaped(name); }

std::string joined_key(const std::string& parent, std::string_view name) {
  return parent.empty() ? key_text(name) : fmt::format("{}.{}", parent, key_text(name));
}

std::string number_text(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  std::string text = fmt::format("{}", number);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

// --- from toml++ ---------------------------------------------------------------------------------------------------

Value convert(const toml::node& node, const std::string& file, const std::string& key);

bool comes_before(const SourcePosition& a, const SourcePosition& b) {
  return a.line != b.line ? a.line < b.line : a.column < b.column;
}

// toml++ keeps a table sorted by name; the order of the file is that of the keys' positions.
Table convert_table(const toml::table& table, const std::string& file, const std::string& key) {
  Table members;
  for (const auto& [name, node] : table) {
    members.push_back(
        {std::string(name.str()), convert(node, file, joined_key(key, name.str())), position_of(name.source(), file)});
  }
  std::stable_sort(members.begin(), members.end(),
                   [](const Member& a, const Member& b) { return comes_before(a.key_position, b.key_position); });
  return members;
}

Array convert_array(const toml::array& array, const std::string& file, const std::string& key) {
  Array elements;
  elements.reserve(array.size());
  for (std::size_t i = 0; i < array.size(); ++i) {
    elements.push_back(convert(array[i], file, fmt::format("{}[{}]", key, i)));
  }
  return elements;
}

Value convert(const toml::node& node, const std::string& file, const std::string& key) {
  const SourcePosition position = position_of(node.source(), file);
  switch (node.type()) {
    case toml::node_type::table: return Value(convert_table(*node.as_table(), file, key), position, key);
    case toml::node_type::array: return Value(convert_array(*node.as_array(), file, key), position, key);
    case toml::node_type::string: return Value(node.as_string()->get(), position, key);
    case toml::node_type::integer: return Value(node.as_integer()->get(), position, key);
    case toml::node_type::floating_point: return Value(node.as_floating_point()->get(), position, key);
    case toml::node_type::boolean: return Value(node.as_boolean()->get(), position, key);
    default: throw UserError(position, key, "dates and times are not used here; write text in quotes");
  }
}

// Turns "Error while parsing array: expected ..." into "not valid TOML (in array): expected ...".
std::string syntax_message(std::string_view description) {
  constexpr std::string_view kPrefix = "Error while parsing ";
  if (description.substr(0, kPrefix.size()) == kPrefix) {
    const std::string_view rest = description.substr(kPrefix.size());
    const std::size_t colon = rest.find(':');
    if (colon != std::string_view::npos) {
      return fmt::format("not valid TOML (in {}){}", rest.substr(0, colon), rest.substr(colon));
    }
  }
  return fmt::format("not valid TOML: {}", description);
}

const std::string& nesting_message() {
  static const std::string text = fmt::format("nests deeper than {} levels of tables and lists", kMostLevels);
  return text;
}

// --- paths ---------------------------------------------------------------------------------------------------------

// One step of a dotted path: a member's name, or an element's index.
struct Step {
  std::string name;
  std::optional<std::size_t> index;
};

[[noreturn]] void malformed_path(std::string_view dotted) {
  throw UserError("command line", fmt::format("\"{}\" is not a key; write it as a.b.c, in quotes where a part is "
                                              "not a plain word: a.\"b.c\"",
                                              dotted));
}

std::optional<std::vector<Step>> split_path(std::string_view dotted) {
  std::vector<Step> steps;
  std::size_t at = 0;
  bool expect_name = true;
  while (at < dotted.size()) {
    if (expect_name && (dotted[at] == '"' || dotted[at] == '\'')) {
      const std::size_t end = dotted.find(dotted[at], at + 1);
      if (end == std::string_view::npos) return std::nullopt;
      steps.push_back({std::string(dotted.substr(at + 1, end - at - 1)), std::nullopt});
      at = end + 1;
      expect_name = false;
    } else if (expect_name) {
      const std::size_t end = std::min(dotted.find_first_of(".[\"'", at), dotted.size());
      if (end == at) return std::nullopt;
      steps.push_back({std::string(dotted.substr(at, end - at)), std::nullopt});
      at = end;
      expect_name = false;
    } else if (dotted[at] == '[') {
      const std::size_t end = dotted.find(']', at);
      if (end == std::string_view::npos || end == at + 1 || end - at > 10) return std::nullopt;
      const std::string digits(dotted.substr(at + 1, end - at - 1));
      if (digits.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
      steps.push_back({{}, std::stoul(digits)});
      at = end + 1;
    } else if (dotted[at] == '.') {
      ++at;
      expect_name = true;
    } else {
      return std::nullopt;
    }
  }
  if (steps.empty() || expect_name) return std::nullopt;
  return steps;
}

const Value* follow(const Value* value, const Step& step) {
  if (!step.index) return value->find(step.name);
  if (!value->is_array() || *step.index >= value->as_array().size()) return nullptr;
  return &value->as_array()[*step.index];
}

Value& member_for_writing(Value& table, const std::string& name, const SourcePosition& position) {
  if (!table.is_table()) {
    table.fail(fmt::format("is not a table, so \"{}\" cannot be set inside it", name));
  }
  for (Member& member : table.as_table()) {
    if (member.name == name) return member.value;
  }
  table.as_table().push_back({name, Value(Table{}, position, joined_key(table.key(), name)), position});
  return table.as_table().back().value;
}

Value& element_for_writing(Value& array, std::size_t index) {
  const std::size_t size = array.as_array().size();
  if (index >= size) array.fail(fmt::format("has {} elements; there is no [{}]", size, index));
  return array.as_array()[index];
}

Value& place_for_writing(Value& root, std::string_view dotted) {
  const auto steps = split_path(dotted);
  if (!steps) malformed_path(dotted);
  const SourcePosition position{std::string(kCommandLine), 0, 0};
  if (steps->size() > kMostLevels) throw UserError(position, steps->front().name, nesting_message());
  Value* value = &root;
  for (const Step& step : *steps) {
    value = step.index ? &element_for_writing(*value, *step.index) : &member_for_writing(*value, step.name, position);
  }
  return *value;
}

// Reads the text after `=` of --set: a TOML value, or a bare word that stands for a string.
Value command_line_value(std::string_view text, const std::string& key) {
  const SourcePosition position{std::string(kCommandLine), 0, 0};
  const std::string document = "value = " + std::string(text);
  if (find_too_deep(document)) throw UserError(position, key, nesting_message());
  try {
    const toml::table table = toml::parse(document);
    const toml::node* node = table.get("value");
    if (table.size() == 1 && node != nullptr && !node->is_date() && !node->is_time() && !node->is_date_time()) {
      return with_position(convert(*node, position.file, key), position);
    }
  } catch (const toml::parse_error& error) {
    const bool meant_as_toml = !text.empty() && std::string_view("[{\"'").find(text.front()) != std::string_view::npos;
    if (meant_as_toml) throw UserError(position, key, syntax_message(error.description()));
  }
  return Value(std::string(text), position, key);
}

// --- printing ------------------------------------------------------------------------------------------------------

std::string table_text(const Table& table) {
  std::string text = "{";
  for (const Member& member : table) {
    text += fmt::format("{}{} = {}", text.size() > 1 ? ", " : " ", key_text(member.name), member.value.to_toml());
  }
  return text + (table.empty() ? "}" : " }");
}

std::string array_text(const Array& array) {
  std::string text = "[";
  for (const Value& element : array) text += (text.size() > 1 ? ", " : "") + element.to_toml();
  return text + "]";
}

// Describes a value in an error: itself where it is short, else its kind.
std::string got_text(const Value& value) {
  constexpr std::size_t kMostCharacters = 60;
  if (value.is_table()) return "a table";
  const std::string text = value.to_toml();
  if (text.size() <= kMostCharacters) return text;
  return value.is_array() ? fmt::format("a list of {} elements", value.as_array().size())
                          : fmt::format("{}...", text.substr(0, kMostCharacters));
}

[[noreturn]] void wrong_type(const Value& value, std::string_view expected) {
  value.fail(fmt::format("expected {}; got {}", expected, got_text(value)));
}

void write_table(const Table& table, const std::string& key, std::string& out) {
  for (const Member& member : table) {
    if (!member.value.is_table()) out += fmt::format("{} = {}\n", key_text(member.name), member.value.to_toml());
  }
  for (const Member& member : table) {
    if (!member.value.is_table()) continue;
    const std::string inner = joined_key(key, member.name);
    const Table& members = member.value.as_table();
    const bool has_leaf =
        std::any_of(members.begin(), members.end(), [](const Member& each) { return !each.value.is_table(); });
    if (has_leaf || members.empty()) out += fmt::format("{}[{}]\n", out.empty() ? "" : "\n", inner);
    write_table(members, inner, out);
  }
}

}  // namespace

bool Value::as_boolean() const {
  if (!is_boolean()) wrong_type(*this, "true or false");
  return std::get<bool>(data_);
}
std::int64_t Value::as_integer() const {
  if (!is_integer()) wrong_type(*this, "an integer");
  return std::get<std::int64_t>(data_);
}
double Value::as_number() const {
  if (is_integer()) return static_cast<double>(std::get<std::int64_t>(data_));
  if (!is_float()) wrong_type(*this, "a number");
  return std::get<double>(data_);
}
const std::string& Value::as_string() const {
  if (!is_string()) wrong_type(*this, "a string");
  return std::get<std::string>(data_);
}
const Array& Value::as_array() const {
  if (!is_array()) wrong_type(*this, "a list");
  return std::get<Array>(data_);
}
Array& Value::as_array() {
  if (!is_array()) wrong_type(*this, "a list");
  return std::get<Array>(data_);
}
const Table& Value::as_table() const {
  if (!is_table()) wrong_type(*this, "a table");
  return std::get<Table>(data_);
}
Table& Value::as_table() {
  if (!is_table()) wrong_type(*this, "a table");
  return std::get<Table>(data_);
}

const Value* Value::find(std::string_view name) const {
  if (!is_table()) return nullptr;
  for (const Member& member : std::get<Table>(data_)) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}

const Value* Value::find_path(std::string_view dotted) const {
  const auto steps = split_path(dotted);
  if (!steps) return nullptr;
  const Value* value = this;
  for (const Step& step : *steps) {
    value = follow(value, step);
    if (value == nullptr) return nullptr;
  }
  return value;
}

void Value::fail(const std::string& message) const { throw UserError(position_, key_, message); }

std::string Value::to_toml() const {
  if (is_boolean()) return as_boolean() ? "true" : "false";
  if (is_integer()) return fmt::format("{}", as_integer());
  if (is_float()) return number_text(as_number());
  if (is_string()) return escaped(as_string());
  return is_array() ? array_text(as_array()) : table_text(as_table());
}

Value with_position(Value value, const SourcePosition& position) {
  Value::Data data = value.data();
  if (auto* array = std::get_if<Array>(&data)) {
    for (Value& element : *array) element = with_position(std::move(element), position);
  } else if (auto* table = std::get_if<Table>(&data)) {
    for (Member& member : *table) {
      member.value = with_position(std::move(member.value), position);
      member.key_position = position;
    }
  }
  return Value(std::move(data), position, value.key());
}

Value parse_file(const std::filesystem::path& path) {
  const PathKind kind = path_kind(path);
  if (kind == PathKind::kAbsent) throw UserError(path.string(), "there is no such file");
  if (kind == PathKind::kFolder) throw UserError(path.string(), "is a folder; a TOML file is needed");
  return parse_text(read_text_file(path), path.string());
}

Value parse_text(std::string_view text, std::string file) {
  if (const auto place = find_too_deep(text))
    throw UserError({file, place->line, place->column}, {}, nesting_message());
  try {
    const toml::table table = toml::parse(text, file);
    return Value(convert_table(table, file, {}), {file, 1, 1}, {});
  } catch (const toml::parse_error& error) {
    throw UserError(position_of(error.source(), file), {}, syntax_message(error.description()));
  }
}

void set_by_path(Value& root, std::string_view dotted, std::string_view text) {
  Value& place = place_for_writing(root, dotted);
  place = command_line_value(text, place.key());
}

void set_value(Value& root, std::string_view dotted, Value value) {
  place_for_writing(root, dotted) = std::move(value);
}

std::string to_toml_document(const Value& root) {
  std::string out;
  write_table(root.as_table(), {}, out);
  return out;
}

}  // namespace lathe::config
