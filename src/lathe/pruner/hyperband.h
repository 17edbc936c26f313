#pragma once

#include "lathe/pruner/pruner.h"

namespace lathe::pruner {

/// Returns the shares of the brackets: ceil(B eta^(B-1-b) / (B-b)) of B = floor(ln(max/min) / ln eta) + 1 (a floating
/// logarithm, so that 243 with eta 3 gives 5 brackets, as Optuna).
std::vector<std::int64_t> bracket_shares(std::int64_t min_resource, std::int64_t max_resource,
                                         std::int64_t reduction_factor);
/// Returns the bracket of a trial.
std::size_t bracket_of(const std::string& study_name, std::int64_t number, const std::vector<std::int64_t>& shares);

}  // namespace lathe::pruner
