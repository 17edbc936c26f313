#pragma once

#include <string>
#include <vector>

#include "lathe/data/dataset.h"
#include "lathe/data/text_table.h"

namespace lathe::data {

/// Chooses the columns of a table: those to be learned are the class that `label` (or `targets` with one entry) names,
/// for regression the columns that `targets` names; where none is named those of the names that trained weights know,
/// else the one called label, class or target in any case, else the last. All others are features. The log says which
/// column is the class or the target. Throws UserError for names that are no columns, for several columns that could be
/// the class, and where MASE's key `target` names a column. There must be two columns or more.
TableColumns choose_columns(const DatasetRequest& request, const std::vector<std::string>& columns);

}  // namespace lathe::data
