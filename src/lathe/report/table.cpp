#include "lathe/report/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lathe/base/check.h"
#include "lathe/base/visible.h"
#include "lathe/report/terminal.h"

namespace lathe::report {
namespace {

constexpr int kSeparatorWidth = 3;  // " | "

bool starts_code_point(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

std::string aligned(const std::string& text, Alignment alignment, int width, bool unicode) {
  const std::string cell = cut_to_width(text, width, unicode);
  const std::string gap(static_cast<std::size_t>(std::max(0, width - display_width(cell))), ' ');
  return alignment == Alignment::kRight ? gap + cell : cell + gap;
}

void end_line(std::string& text) {
  while (!text.empty() && text.back() == ' ') text.pop_back();
  text += '\n';
}

std::string rule(const std::vector<int>& widths, bool unicode) {
  std::string text;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (i > 0) text += unicode ? "─┼─" : "-+-";
    for (int k = 0; k < widths[i]; ++k) text += unicode ? "─" : "-";
  }
  return text + "\n";
}

}  // namespace

int display_width(std::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), starts_code_point));
}

std::string cut_to_width(std::string_view text, int width, bool unicode) {
  if (display_width(text) <= width) return std::string(text);
  if (width <= 0) return {};
  std::size_t end = 0;
  for (int kept = 0; kept < width; ++end) kept += starts_code_point(text[end]) ? 1 : 0;
  // `end` is behind the first byte of the last code point that fits: it gives way to the mark.
  return std::string(text.substr(0, end - 1)) + (unicode ? "…" : "~");
}

TableStyle style_for(int descriptor) {
  if (!is_terminal(descriptor)) return {};
  return {terminal_width(descriptor), unicode_locale()};
}

void Table::add_row(std::vector<std::string> cells) {
  LATHE_CHECK(cells.size() <= columns_.size(), "{} cells in a table of {} columns", cells.size(), columns_.size());
  cells.resize(columns_.size());
  for (std::string& cell : cells) cell = visible_line(cell);
  rows_.push_back({std::move(cells), rule_pending_});
  rule_pending_ = false;
}

void Table::add_rule() { rule_pending_ = !rows_.empty(); }

std::vector<int> Table::widths(const TableStyle& style) const {
  std::vector<int> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    int widest = display_width(columns_[i].title);
    for (const Row& row : rows_) widest = std::max(widest, display_width(row.cells[i]));
    widths.push_back(widest);
  }
  if (style.width <= 0) return widths;
  int excess = std::accumulate(widths.begin(), widths.end(), 0) - style.width +
               kSeparatorWidth * (static_cast<int>(columns_.size()) - 1);
  for (; excess > 0; --excess) {
    int* widest = nullptr;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const bool may_shrink = columns_[i].narrowest > 0 && widths[i] > columns_[i].narrowest;
      if (may_shrink && (widest == nullptr || widths[i] > *widest)) widest = &widths[i];
    }
    if (widest == nullptr) break;
    --*widest;
  }
  return widths;
}

std::string Table::to_string(const TableStyle& style) const {
  const std::vector<int> columns = widths(style);
  std::string text;
  const auto add_line = [&](const auto& cell) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) text += style.unicode ? " │ " : " | ";
      text += aligned(cell(i), columns_[i].alignment, columns[i], style.unicode);
    }
    end_line(text);
  };
  add_line([&](std::size_t i) -> const std::string& { return columns_[i].title; });
  text += rule(columns, style.unicode);
  for (const Row& row : rows_) {
    if (row.rule_before) text += rule(columns, style.unicode);
    add_line([&](std::size_t i) -> const std::string& { return row.cells[i]; });
  }
  return text;
}

std::string number_text(double value, int digits) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (value == std::trunc(value) && std::abs(value) < 1e15) return fmt::format("{:.0f}", value == 0 ? 0.0 : value);
  return fmt::format("{:.{}g}", value, digits);
}

std::string count_text(long long value) {
  const std::string digits = fmt::format("{}", value);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const bool group_starts = i > 0 && digits[i - 1] != '-' && (digits.size() - i) % 3 == 0;
    if (group_starts) text += ',';
    text += digits[i];
  }
  return text;
}

}  // namespace lathe::report
