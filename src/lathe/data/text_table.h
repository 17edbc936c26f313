#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "lathe/data/dataset.h"

namespace lathe::data {

/// Says which columns of a table are features, in the order wanted, and which holds the class, or for regression which
/// are targets. Others are ignored.
struct TableColumns {
  std::vector<std::size_t> features;
  std::size_t label = 0;
  std::vector<std::size_t> targets = {};  ///< none: the label is read
  bool label_is_guessed = false;          ///< nobody named the label: one that looks like no class is an error
};

/// Chooses from the names of all columns. May throw DataError.
using ColumnChooser = std::function<TableColumns(const std::vector<std::string>& columns)>;

/// Holds the chosen columns of a text file. Labels index `classes`, which are sorted; labels that are all whole
/// numbers keep their value instead, and `classes` is empty. Targets leave `classes` empty too.
struct TextTable {
  std::vector<std::string> feature_names;
  bool made_up_names = false;  ///< the file has none
  std::vector<std::string> target_names;
  std::string label;  ///< the column of the classes; empty: none, or the file has no names
  std::vector<std::string> classes;
  Samples samples;
};

/// Reads a table with commas, semicolons or tabs between fields, one row a line, fields optionally in quotes (no line
/// breaks inside). The first line holds the names unless it is all numbers: then columns are called f0, f1, ... and
/// the last one `label`. Numbers that count up 0, 1, 2, ... are names too (pandas writes them where nobody named the
/// columns) where there are at least four or the next line holds more than digits; the log says so. Three that could be
/// either are an error. Throws SystemError, and DataError with line and column name for a field that is no finite
/// number, a line with another number of fields, a table without rows, labels below 0 or between whole numbers, more
/// than 10,000 classes, and a guessed label with more than 20 classes in less than twice as many rows.
TextTable read_csv(const std::filesystem::path& path, const ColumnChooser& choose, const Progress& progress = {});

/// Reads an ARFF file (Weka's format, as OpenML gives it): numeric and nominal attributes, dense rows.
/// Errors as read_csv; sparse rows and values that a nominal attribute does not declare are refused.
TextTable read_arff(const std::filesystem::path& path, const ColumnChooser& choose, const Progress& progress = {});

/// Reads the names of the columns alone, from the first 64 KiB of a .csv or .arff file; empty when that is neither.
std::vector<std::string> read_column_names(const std::filesystem::path& path);

}  // namespace lathe::data
