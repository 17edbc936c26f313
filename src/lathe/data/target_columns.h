#pragma once

#include <string>
#include <vector>

#include "lathe/data/prepare.h"

namespace lathe::data {

/// Returns the positions of the named columns. Throws UserError (targets) for a name that is no column (nearest shown),
/// one that stands twice, and names that leave no features.
std::vector<std::size_t> find_target_columns(const std::vector<std::string>& names,
                                             const std::vector<std::string>& columns);

/// Makes the named features of all parts targets and drops the labels. The features must have names. Throws UserError
/// as find_target_columns, and without names: a set of classes has no targets of its own.
void make_columns_targets(RawDataset& raw, const std::vector<std::string>& names);

}  // namespace lathe::data
