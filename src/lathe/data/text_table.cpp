#include "lathe/data/text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <fstream>

#include "lathe/base/error.h"
#include "lathe/base/log.h"
#include "lathe/data/limits.h"
#include "lathe/data/text_rows.h"

namespace lathe::data {
namespace {

std::string lower(std::string_view text) {
  std::string copy(text);
  std::transform(copy.begin(), copy.end(), copy.begin(), [](unsigned char c) { return std::tolower(c); });
  return copy;
}

/// Returns whichever of comma, semicolon and tab the line has most of.
char find_delimiter(std::string_view line) {
  char best = ',';
  for (const char candidate : {';', '\t'}) {
    if (std::count(line.begin(), line.end(), candidate) > std::count(line.begin(), line.end(), best)) best = candidate;
  }
  return best;
}

bool all_numbers(const std::vector<std::string_view>& fields) {
  double ignored = 0.0;
  return std::all_of(fields.begin(), fields.end(),
                     [&](std::string_view field) { return parse_number(field, ignored); });
}

/// Says what a first line of numbers is.
enum class NumberLine { kRow, kNames, kUnclear };

/// Tells whether numbers count up 0, 1, 2, ... as those do that pandas calls columns by where nobody named them.
bool count_up(const std::vector<std::string_view>& fields) {
  for (std::size_t i = 0; i < fields.size(); ++i)
    if (fields[i] != fmt::to_string(i)) return false;
  return fields.size() > 1;
}

bool is_digits(std::string_view field) {
  return !field.empty() &&
         std::all_of(field.begin(), field.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

/// Decides what a first line of numbers is, by itself and by the line after it.
NumberLine number_line(const std::vector<std::string_view>& fields, std::string_view next, char delimiter) {
  constexpr std::size_t kSurelyNames = 4, kRarelyRow = 3;
  if (!count_up(fields)) return NumberLine::kRow;
  std::vector<std::string_view> others;
  split_fields(next, delimiter, others);
  const bool differs = !std::all_of(others.begin(), others.end(), is_digits);
  if (fields.size() >= kSurelyNames || (differs && !bare(next).empty())) return NumberLine::kNames;
  return fields.size() == kRarelyRow ? NumberLine::kUnclear : NumberLine::kRow;
}

/// Holds a csv file behind its header.
struct OpenCsv {
  TextBody body;
  NumberLine first_line = NumberLine::kRow;
  bool made_up_names = false;
};

/// Reads the names in the first line of a csv file, or makes them up.
OpenCsv open_csv(std::string_view text, const std::string& path) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  OpenCsv csv{.body = {.path = path, .text = text, .columns = {}}};
  TextBody& body = csv.body;
  const std::string_view first = take_line(text);
  body.delimiter = find_delimiter(first);
  std::vector<std::string_view> fields;
  if (!split_fields(first, body.delimiter, fields))
    throw DataError(path + ":1",
                    "a quote that opens a field is not closed in its line; line breaks in quotes are not read");
  if (all_numbers(fields)) {
    std::string_view rest = text;
    csv.first_line = number_line(fields, take_line(rest), body.delimiter);
    if (csv.first_line == NumberLine::kRow) {
      for (std::size_t i = 0; i + 1 < fields.size(); ++i) body.columns.push_back(fmt::format("f{}", i));
      body.columns.emplace_back("label");
      csv.made_up_names = true;
      return csv;
    }
  }
  body.columns.assign(fields.begin(), fields.end());
  body.text = text;
  body.first_line = 2;
  return csv;
}

/// Says that a first line of numbers is taken for names, or asks.
void say_what_is_named(const OpenCsv& csv) {
  const std::string last = csv.body.columns.back();
  if (csv.first_line == NumberLine::kNames)
    log::warning("{}: the first line, 0 to {}, is read as names of the columns and as no row", csv.body.path, last);
  if (csv.first_line == NumberLine::kUnclear) {
    throw DataError(csv.body.path + ":1",
                    fmt::format("the line 0 to {} could name the columns or be a row; write names "
                                "with letters into it, or put another row first",
                                last));
  }
}

/// Reads `@ATTRIBUTE name type` after the keyword: the name, which is taken off with what stands around it.
std::string_view take_attribute_name(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  const bool quoted = !rest.empty() && (rest[0] == '\'' || rest[0] == '"');
  const std::size_t end = std::min(quoted ? rest.find(rest[0], 1) : rest.find_first_of(" \t{"), rest.size());
  const std::string_view name = quoted ? rest.substr(1, end - 1) : rest.substr(0, end);
  rest.remove_prefix(std::min(end + (quoted ? 1 : 0), rest.size()));
  return name;
}

/// Reads the type `{a, b, c}` of a nominal attribute; empty for others.
std::vector<std::string> declared_values(std::string_view type) {
  type = bare(type);
  if (!type.starts_with('{')) return {};
  std::vector<std::string_view> values;
  split_fields(type.substr(1, type.rfind('}') - 1), ',', values);
  return {values.begin(), values.end()};
}

/// Reads the header of an ARFF file; without a @DATA line, `text` of the result is empty.
TextBody open_arff(std::string_view text, const std::string& path) {
  TextBody body{.path = path, .text = {}, .comment = '%', .columns = {}};
  constexpr std::string_view kAttribute = "@attribute";
  while (!text.empty()) {
    const std::string_view line = bare(take_line(text));
    ++body.first_line;
    const std::string keyword = lower(line.substr(0, kAttribute.size()));
    if (keyword.starts_with("@data")) {
      body.text = text;
      return body;
    }
    if (keyword != kAttribute) continue;
    std::string_view rest = line.substr(kAttribute.size());
    body.columns.emplace_back(take_attribute_name(rest));
    body.declared.push_back(declared_values(rest));
  }
  return body;
}

}  // namespace

TextTable read_csv(const std::filesystem::path& path, const ColumnChooser& choose, const Progress& progress) {
  const std::string text = read_data_text(path);
  if (text.empty()) throw DataError(path.string(), "is empty");
  const OpenCsv csv = open_csv(text, path.string());
  say_what_is_named(csv);
  TextTable table = parse_rows(csv.body, choose, progress);
  table.made_up_names = csv.made_up_names;
  if (csv.made_up_names) table.label.clear();
  return table;
}

TextTable read_arff(const std::filesystem::path& path, const ColumnChooser& choose, const Progress& progress) {
  const std::string text = read_data_text(path);
  if (text.empty()) throw DataError(path.string(), "is empty");
  const TextBody body = open_arff(text, path.string());
  if (body.columns.empty()) throw DataError(path.string(), "is no ARFF file (it has no @ATTRIBUTE line)");
  if (body.text.empty()) throw DataError(path.string(), "has no rows (nothing after a @DATA line)");
  return parse_rows(body, choose, progress);
}

std::vector<std::string> read_column_names(const std::filesystem::path& path) {
  constexpr std::size_t kBeginning = 65'536;
  std::ifstream file(path, std::ios::binary);
  std::string text(kBeginning, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  const std::string extension = lower(path.extension().string());
  if (extension == ".arff") return open_arff(text, path.string()).columns;
  if (extension == ".csv") return open_csv(text, path.string()).body.columns;
  return {};
}

}  // namespace lathe::data
