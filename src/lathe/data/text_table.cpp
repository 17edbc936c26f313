#include "lathe/data/text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <fstream>

#include "lathe/base/error.h"
#include "lathe/base/file.h"
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

/// Reads the names in the first line of a csv file, or makes them up.
TextBody open_csv(std::string_view text, const std::string& path) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  TextBody body{.path = path, .text = text, .columns = {}};
  const std::string_view first = take_line(text);
  body.delimiter = find_delimiter(first);
  std::vector<std::string_view> fields;
  split_fields(first, body.delimiter, fields);
  if (all_numbers(fields)) {
    for (std::size_t i = 0; i + 1 < fields.size(); ++i) body.columns.push_back(fmt::format("f{}", i));
    body.columns.emplace_back("label");
    return body;
  }
  body.columns.assign(fields.begin(), fields.end());
  body.text = text;
  body.first_line = 2;
  return body;
}

/// Reads `@ATTRIBUTE name type` after the keyword: the name.
std::string_view attribute_name(std::string_view rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  if (rest.empty()) return rest;
  if (rest[0] == '\'' || rest[0] == '"') return rest.substr(1, rest.find(rest[0], 1) - 1);
  return rest.substr(0, rest.find_first_of(" \t{"));
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
    if (keyword == kAttribute) body.columns.emplace_back(attribute_name(line.substr(kAttribute.size())));
  }
  return body;
}

}  // namespace

TextTable read_csv(const std::filesystem::path& path, const ColumnChooser& choose, const Progress& progress) {
  const std::string text = read_text_file(path);
  if (text.empty()) throw DataError(path.string(), "is empty");
  return parse_rows(open_csv(text, path.string()), choose, progress);
}

TextTable read_arff(const std::filesystem::path& path, const ColumnChooser& choose, const Progress& progress) {
  const std::string text = read_text_file(path);
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
  if (extension == ".csv") return open_csv(text, path.string()).columns;
  return {};
}

}  // namespace lathe::data
