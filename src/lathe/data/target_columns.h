#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lathe/data/prepare.h"

namespace lathe::data {

/// Lists the columns that have one of the names, case ignored.
std::vector<std::size_t> columns_called(const std::vector<std::string>& names, const std::vector<std::string>& columns);

/// Finds a column by its name as it is written, else by its name without regard to case where that fits one only, else
/// by its index (0 the first, -1 the last); nothing where there is none.
std::optional<std::size_t> column_named(const std::string& name, const std::vector<std::string>& columns);

/// Returns the positions of the named columns. Throws UserError (targets) for a name that is no column (nearest shown),
/// one that stands twice, and names that leave no features.
std::vector<std::size_t> find_target_columns(const std::vector<std::string>& names,
                                             const std::vector<std::string>& columns);

/// Makes the named features of all parts targets and drops the labels. The features must have names. Throws UserError
/// as find_target_columns, and without names: a set of classes has no targets of its own.
void make_columns_targets(RawDataset& raw, const std::vector<std::string>& names);

}  // namespace lathe::data
