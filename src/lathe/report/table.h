#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lathe::report {

/// Counts the terminal columns of UTF-8 text (every code point as one; no escape sequences).
int display_width(std::string_view text);
/// Cuts UTF-8 text to `width` columns; the last one becomes `…` (`~` without unicode) where something was cut.
std::string cut_to_width(std::string_view text, int width, bool unicode = true);

enum class Alignment { kLeft, kRight };

struct TableColumn {
  std::string title;
  Alignment alignment = Alignment::kLeft;
  int narrowest = 6;  ///< columns that the cells may be cut to where the table is too wide; 0: never cut
};

/// Holds how a table is drawn.
struct TableStyle {
  int width = 0;         ///< columns to fit in; 0: as wide as needed
  bool unicode = false;  ///< rules of box-drawing characters instead of - and |
};

/// Returns the style for standard output: the terminal's width and locale; unlimited width and ASCII for a file or
/// pipe.
TableStyle style_for(int descriptor);

/// Collects rows of text and draws them as a table:
///
///     number | accuracy | choices
///     -------+----------+--------
///         12 |    0.712 | seq_blocks_2 x2
///
/// Titles are aligned as their cells. Where the table is wider than allowed, the widest columns are cut first.
class Table {
 public:
  explicit Table(std::vector<TableColumn> columns) : columns_(std::move(columns)) {}
  /// Adds a row; missing cells are empty. Throws InternalError for more cells than columns.
  void add_row(std::vector<std::string> cells);
  /// Draws a rule before the next row.
  void add_rule();
  bool empty() const { return rows_.empty(); }
  /// Draws the table, every line ended by \n, no spaces at line ends.
  std::string to_string(const TableStyle& style = {}) const;

 private:
  struct Row {
    std::vector<std::string> cells;
    bool rule_before = false;
  };
  std::vector<int> widths(const TableStyle& style) const;
  std::vector<TableColumn> columns_;
  std::vector<Row> rows_;
  bool rule_pending_ = false;
};

/// Prints a number as people read it: at most `digits` significant digits, no trailing zeros, integers whole up to
/// 1e15, "inf", "nan".
std::string number_text(double value, int digits = 4);
/// Prints a count with thin groups: 1,234,567.
std::string count_text(long long value);

}  // namespace lathe::report
