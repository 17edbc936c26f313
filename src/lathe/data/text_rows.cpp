#include "lathe/data/text_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "lathe/base/error.h"

namespace lathe::data {
namespace {

constexpr std::size_t kMostClasses = 10'000;
constexpr std::int64_t kRowsBetweenReports = 32'768;

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
  }

  TextTable parse(const Progress& progress) {
    std::string_view rest = body_.text;
    for (; !rest.empty(); ++line_) {
      const std::string_view line = take_line(rest);
      if (bare(line).empty() || (body_.comment != '\0' && line[0] == body_.comment)) continue;
      last_line_ = rest.empty() && body_.text.back() != '\n';
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

  void parse_row(std::string_view line) {
    split_fields(line, body_.delimiter, fields_);
    if (fields_.size() != body_.columns.size()) {
      if (bare(line).starts_with('{')) fail("sparse rows ({index value, ...}) are not read");
      fail(fmt::format("has {} fields; expected {}{}", fields_.size(), body_.columns.size(),
                       last_line_ ? " (the last line, without an end: is the file truncated?)" : ""));
    }
    for (const std::size_t column : columns_.features) samples_.features.push_back(number(column));
    for (const std::size_t column : columns_.targets) samples_.targets.push_back(number(column));
    if (columns_.targets.empty()) parse_label();
  }

  void parse_label() {
    const std::string_view label = fields_[columns_.label];
    if (label.empty() || label == "?")
      fail(fmt::format("column \"{}\": the label is missing", body_.columns[columns_.label]));
    samples_.labels.push_back(labels_.index_of(label));
    if (labels_.texts().size() > kMostClasses) {
      fail(fmt::format("column \"{}\": more than {} different labels; is this the column of the classes?",
                       body_.columns[columns_.label], kMostClasses));
    }
  }

  float number(std::size_t column) const {
    const std::string_view field = fields_[column];
    double value = 0.0;
    if (!parse_number(field, value)) {
      fail(fmt::format("column \"{}\": expected a number; got \"{}\"", body_.columns[column], field));
    }
    const auto narrow = static_cast<float>(value);
    if (!std::isfinite(narrow)) {
      fail(fmt::format("column \"{}\": expected a finite number; got \"{}\"", body_.columns[column], field));
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

  void check_numbers(const std::vector<std::int64_t>& numbers) const {
    for (const std::int64_t number : numbers) {
      if (number >= 0 && number < static_cast<std::int64_t>(kMostClasses)) continue;
      throw DataError(body_.path, fmt::format("column \"{}\": label {} is out of range; labels count from 0",
                                              body_.columns[columns_.label], number));
    }
  }

  const TextBody& body_;
  TableColumns columns_;
  std::size_t line_;
  bool last_line_ = false;
  std::vector<std::string_view> fields_;
  LabelIndex labels_;
  Samples samples_;
};

}  // namespace

TextTable parse_rows(const TextBody& body, const ColumnChooser& choose, const Progress& progress) {
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

void split_fields(std::string_view line, char delimiter, std::vector<std::string_view>& fields) {
  fields.clear();
  std::size_t begin = 0;
  while (true) {
    std::size_t end = begin;
    if (end < line.size() && (line[end] == '"' || line[end] == '\'')) {
      const std::size_t closing = line.find(line[end], end + 1);
      end = closing == std::string_view::npos ? line.size() : closing;
    }
    end = std::min(line.find(delimiter, end), line.size());
    fields.push_back(bare(line.substr(begin, end - begin)));
    if (end == line.size()) return;
    begin = end + 1;
  }
}

bool parse_number(std::string_view text, double& value) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return false;
  // Out of range either way: an overflow is refused later as not finite, an underflow is 0.
  if (error == std::errc::result_out_of_range) value = text.find("e-") == std::string_view::npos ? HUGE_VAL : 0.0;
  return error == std::errc() || error == std::errc::result_out_of_range;
}

}  // namespace lathe::data
