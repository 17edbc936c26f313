#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/data/text_table.h"

namespace lathe::data {

/// Holds the lines of a table after its header.
struct TextBody {
  std::string path;
  std::string_view text;
  std::size_t first_line = 1;  ///< number in the file of the first line of `text`, for messages
  char delimiter = ',';
  char comment = '\0';  ///< lines beginning with it are left out; '\0': none
  std::vector<std::string> columns;
  /// The values that each column declares, empty where it declares none; empty: no column does.
  std::vector<std::vector<std::string>> declared = {};
};

/// Parses the chosen columns of all rows. What csv and ARFF have in common.
TextTable parse_rows(const TextBody& body, const ColumnChooser& choose, const Progress& progress);

/// Takes the next line, without its end, off `text`.
std::string_view take_line(std::string_view& text);

/// Removes surrounding blanks, then a pair of surrounding quotes (' or ").
std::string_view bare(std::string_view field);

/// Splits a line at the delimiter; quoted fields may hold it. The fields are bare. False where a field
/// begins with " and does not end with one.
bool split_fields(std::string_view line, char delimiter, std::vector<std::string_view>& fields);

/// Reads a number as from_chars does, a leading plus allowed; the whole text must be one. What is nearer to 0 than a
/// double can be is 0, what is further than it can be is HUGE_VAL.
bool parse_number(std::string_view text, double& value);

}  // namespace lathe::data
