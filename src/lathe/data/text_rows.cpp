#include "lathe/data/text_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include "lathe/base/error.h"
#include "lathe/data/limits.h"

namespace lathe::data {
namespace {

constexpr std::size_t kMostClasses = 10'000;
constexpr std::size_t kMostGuessedClasses = 20;  // of a column that nobody named, where most rows have their own
constexpr std::int64_t kRowsBetweenReports = 32'768;
constexpr const char* kCure =
    "label = \"NAME\" names the column of the classes; numbers to predict need task = "
    "\"regression\"";

bool equal_numbers(std::string_view a, std::string_view b) {
  double left = 0.0, right = 0.0;
  return parse_number(a, left) && parse_number(b, right) && left == right;
}

/// Holds the numbers that a nominal column of features declares.
struct DeclaredNumbers {
  std::size_t column;
  std::set<double> numbers;
};

/// Numbers the distinct labels in the order they appear.
class LabelIndex {
 public:
  std::int32_t index_of(std::string_view text) {
    const auto found = known_.find(text);
    if (found != known_.end()) return found->second;
    const auto index = static_cast<std::int32_t>(texts_.size());
    known_.emplace(std::string(text), index);
    texts_.emplace_back(text);
    return index;
  }
  const std::vector<std::string>& texts() const { return texts_; }

 private:
  std::map<std::string, std::int32_t, std::less<>> known_;
  std::vector<std::string> texts_;
};

/// Reads the rows one by one and keeps what was chosen.
class RowParser {
 public:
  RowParser(const TextBody& body, const ColumnChooser& choose)
      : body_(body), columns_(choose(body.columns)), line_(body.first_line) {
    samples_.width = static_cast<std::int64_t>(columns_.features.size());
    samples_.outputs = static_cast<std::int64_t>(columns_.targets.size());
    for (const std::size_t column : columns_.features) add_declared(column);
    for (const std::size_t column : columns_.targets) add_declared(column);
  }

  TextTable parse(const Progress& progress) {
    std::string_view rest = body_.text;
    for (; !rest.empty(); ++line_) {
      const std::string_view line = take_line(rest);
      if (bare(line).empty() || (body_.comment != '\0' && line[0] == body_.comment)) continue;
      last_line_ = rest.empty() && body_.text.back() != '\n';
      if (samples_.rows() == 0)
        check_rows_fit(body_.text.size() / (line.size() + 1) * body_.columns.size(), body_.path);
      parse_row(line);
      if (progress && samples_.rows() % kRowsBetweenReports == 0) {
        progress(1.0 - static_cast<double>(rest.size()) / static_cast<double>(body_.text.size()));
      }
    }
    if (samples_.rows() == 0) throw DataError(body_.path, "has no rows");
    return finish();
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw DataError(fmt::format("{}:{}", body_.path, line_), message);
  }

  std::string name_of(std::size_t column) const { return shortened(body_.columns[column]); }

  void parse_row(std::string_view line) {
    const bool closed = split_fields(line, body_.delimiter, fields_);
    if (!closed) fail("a quote that opens a field is not closed in its line; line breaks in quotes are not read");
    if (fields_.size() != body_.columns.size()) {
      if (bare(line).starts_with('{')) fail("sparse rows ({index value, ...}) are not read");
      fail(fmt::format("has {} fields; expected {}{}", fields_.size(), body_.columns.size(),
                       last_line_ ? " (the last line, without an end: is the file truncated?)" : ""));
    }
    for (const std::size_t column : columns_.features) samples_.features.push_back(number(column));
    for (const std::size_t column : columns_.targets) samples_.targets.push_back(number(column));
    for (const DeclaredNumbers& declared : declared_) check_declared(declared);
    if (columns_.targets.empty()) parse_label();
  }

  void add_declared(std::size_t column) {
    if (body_.declared.empty() || body_.declared[column].empty()) return;
    DeclaredNumbers declared{.column = column, .numbers = {}};
    double value = 0.0;
    for (const std::string& text : body_.declared[column])
      if (parse_number(text, value)) declared.numbers.insert(value);
    declared_.push_back(std::move(declared));
  }

  void check_declared(const DeclaredNumbers& declared) const {
    double value = 0.0;
    if (parse_number(fields_[declared.column], value) && declared.numbers.contains(value)) return;
    fail_undeclared(declared.column);
  }

  [[noreturn]] void fail_undeclared(std::size_t column) const {
    constexpr std::size_t kMostListed = 24;
    std::string known;
    const std::vector<std::string>& declared = body_.declared[column];
    for (std::size_t i = 0; i < std::min(declared.size(), kMostListed); ++i)
      known += fmt::format("{}{}", i == 0 ? "" : ", ", shortened(declared[i]));
    fail(fmt::format("column \"{}\": \"{}\" is not among the values that @ATTRIBUTE declares: {}{}{}", name_of(column),
                     shortened(fields_[column]), known, declared.size() > kMostListed ? ", ..." : "",
                     last_line_ ? " (the last line, without an end: is the file truncated?)" : ""));
  }

  void parse_label() {
    const std::string_view label = fields_[columns_.label];
    if (label.empty() || label == "?")
      fail(fmt::format("column \"{}\": the label is missing", name_of(columns_.label)));
    const std::size_t before = labels_.texts().size();
    samples_.labels.push_back(labels_.index_of(label));
    if (labels_.texts().size() > before) check_new_label(label);
  }

  void check_new_label(std::string_view label) {
    if (!body_.declared.empty() && !body_.declared[columns_.label].empty()) {
      const std::vector<std::string>& declared = body_.declared[columns_.label];
      const auto same = [&](const std::string& value) { return value == label || equal_numbers(value, label); };
      if (std::none_of(declared.begin(), declared.end(), same)) fail_undeclared(columns_.label);
    }
    if (labels_.texts().size() > kMostClasses) {
      fail(fmt::format("column \"{}\": more than {} different labels; is this the column of the classes? ({})",
                       name_of(columns_.label), kMostClasses, kCure));
    }
  }

  float number(std::size_t column) const {
    const std::string_view field = fields_[column];
    double value = 0.0;
    if (!parse_number(field, value)) {
      fail(fmt::format("column \"{}\": expected a number; got \"{}\"{}", name_of(column), shortened(field),
                       columns_.label_is_guessed && columns_.targets.empty()
                           ? "; label = \"NAME\" names the column of the classes"
                           : ""));
    }
    const auto narrow = static_cast<float>(value);
    if (!std::isfinite(narrow)) {
      fail(fmt::format("column \"{}\": expected a finite number; got \"{}\"", name_of(column), shortened(field)));
    }
    return narrow;
  }

  /// Returns the labels as whole numbers, in order of appearance; nothing when one of them is none.
  std::vector<std::int64_t> whole_numbers() const {
    std::vector<std::int64_t> numbers;
    for (const std::string& text : labels_.texts()) {
      double value = 0.0;
      if (!parse_number(text, value) || value != std::trunc(value) || std::abs(value) > 1e9) return {};
      numbers.push_back(static_cast<std::int64_t>(value));
    }
    return numbers;
  }

  /// Replaces the order of appearance by numbers (or the alphabet).
  TextTable finish() {
    TextTable table;
    for (const std::size_t column : columns_.features) table.feature_names.push_back(body_.columns[column]);
    for (const std::size_t column : columns_.targets) table.target_names.push_back(body_.columns[column]);
    if (columns_.targets.empty()) table.label = body_.columns[columns_.label];
    check_classes();
    std::vector<std::int32_t> label_of(labels_.texts().size());
    const std::vector<std::int64_t> numbers = whole_numbers();
    if (!numbers.empty()) {
      check_numbers(numbers);
      std::transform(numbers.begin(), numbers.end(), label_of.begin(),
                     [](std::int64_t number) { return static_cast<std::int32_t>(number); });
    } else {
      table.classes = labels_.texts();
      std::sort(table.classes.begin(), table.classes.end());
      for (std::size_t i = 0; i < label_of.size(); ++i) {
        const auto place = std::lower_bound(table.classes.begin(), table.classes.end(), labels_.texts()[i]);
        label_of[i] = static_cast<std::int32_t>(place - table.classes.begin());
      }
    }
    for (std::int32_t& label : samples_.labels) label = label_of[static_cast<std::size_t>(label)];
    table.samples = std::move(samples_);
    return table;
  }

  /// Refuses labels that look like anything but classes.
  void check_classes() const {
    const std::vector<std::string>& texts = labels_.texts();
    if (texts.empty()) return;
    double value = 0.0;
    const auto is_number = [&](const std::string& text) { return parse_number(text, value); };
    const auto fraction = std::find_if(texts.begin(), texts.end(), [&](const std::string& text) {
      return parse_number(text, value) && value != std::trunc(value);
    });
    const std::string column = name_of(columns_.label);
    if (fraction != texts.end() && std::all_of(texts.begin(), texts.end(), is_number)) {
      throw DataError(body_.path, fmt::format("column \"{}\" holds numbers such as {}, which are no classes; {}",
                                              column, shortened(*fraction), kCure));
    }
    const std::size_t rows = samples_.labels.size();
    if (columns_.label_is_guessed && texts.size() > kMostGuessedClasses && 2 * texts.size() > rows) {
      throw DataError(body_.path, fmt::format("column \"{}\", the last, would be {} classes in {} rows; {}", column,
                                              texts.size(), rows, kCure));
    }
    check_last_label();
  }

  /// A last line without an end, whose label no other row has and which begins another label, is cut off.
  void check_last_label() const {
    const std::vector<std::string>& texts = labels_.texts();
    if (!last_line_ || std::count(samples_.labels.begin(), samples_.labels.end(), samples_.labels.back()) > 1) return;
    double ignored = 0.0;
    const std::string& last = texts[static_cast<std::size_t>(samples_.labels.back())];
    if (parse_number(last, ignored)) return;
    for (const std::string& text : texts) {
      if (text.size() <= last.size() || !text.starts_with(last)) continue;
      throw DataError(fmt::format("{}:{}", body_.path, line_ - 1),
                      fmt::format("column \"{}\": \"{}\" is the label of this row only and the beginning of \"{}\" "
                                  "(the last line, without an end: is the file truncated?)",
                                  name_of(columns_.label), shortened(last), shortened(text)));
    }
  }

  void check_numbers(const std::vector<std::int64_t>& numbers) const {
    for (const std::int64_t number : numbers) {
      if (number >= 0 && number < static_cast<std::int64_t>(kMostClasses)) continue;
      throw DataError(body_.path, fmt::format("column \"{}\": label {} is out of range; labels count from 0; {}",
                                              name_of(columns_.label), number, kCure));
    }
  }

  const TextBody& body_;
  TableColumns columns_;
  std::size_t line_;
  bool last_line_ = false;
  std::vector<std::string_view> fields_;
  std::vector<DeclaredNumbers> declared_;
  LabelIndex labels_;
  Samples samples_;
};

}  // namespace

TextTable parse_rows(const TextBody& body, const ColumnChooser& choose, const Progress& progress) {
  if (body.columns.size() < 2) {
    throw DataError(body.path,
                    fmt::format("has one column, \"{}\"; a table has features beside the labels, with commas, "
                                "semicolons or tabs between them",
                                body.columns.empty() ? "" : shortened(body.columns.front())));
  }
  return RowParser(body, choose).parse(progress);
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

std::string_view bare(std::string_view field) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t first = field.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  field = field.substr(first, field.find_last_not_of(kBlanks) - first + 1);
  const bool quoted = field.size() >= 2 && (field[0] == '"' || field[0] == '\'') && field.back() == field[0];
  return quoted ? field.substr(1, field.size() - 2) : field;
}

bool split_fields(std::string_view line, char delimiter, std::vector<std::string_view>& fields) {
  fields.clear();
  std::size_t begin = 0;
  bool closed = true;
  while (true) {
    std::size_t end = begin;
    if (end < line.size() && (line[end] == '"' || line[end] == '\'')) {
      const std::size_t closing = line.find(line[end], end + 1);
      closed = closed && (closing != std::string_view::npos || line[begin] == '\'');  // an apostrophe may be one
      end = closing == std::string_view::npos ? line.size() : closing;
    }
    end = std::min(line.find(delimiter, end), line.size());
    fields.push_back(bare(line.substr(begin, end - begin)));
    if (end == line.size()) return closed;
    begin = end + 1;
  }
}

bool parse_number(std::string_view text, double& value) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return false;
  // Out of range either way: an overflow is refused later as not finite, an underflow is 0.
  if (error == std::errc::result_out_of_range)
    value = std::isinf(std::strtod(std::string(text).c_str(), nullptr)) ? HUGE_VAL : 0.0;
  return error == std::errc() || error == std::errc::result_out_of_range;
}

}  // namespace lathe::data
