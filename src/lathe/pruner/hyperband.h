#pragma once

#include "lathe/pruner/pruner.h"

namespace lathe::pruner {

/// Hyperband over successive halving (Li et al., JMLR 18(185), 2018; Falkner et al., BOHB, ICML 2018) as Optuna's
/// HyperbandPruner deals it: bracket b halves from reduction_factor^b times min_resource on, and a trial's bracket is
/// the CRC-32 of "<study name>_<number>" modulo the sum of the brackets' shares. A trial competes with those of its
/// bracket only. Unlike Optuna's, samplers learn from the trials of all brackets.
PrunerKind hyperband_kind();

/// Returns the shares of the brackets: ceil(B eta^(B-1-b) / (B-b)) of B = floor(ln(max/min) / ln eta) + 1 (a floating
/// logarithm, so that 243 with eta 3 gives 5 brackets, as Optuna).
std::vector<std::int64_t> bracket_shares(std::int64_t min_resource, std::int64_t max_resource,
                                         std::int64_t reduction_factor);
/// Returns the bracket of a trial.
std::size_t bracket_of(const std::string& study_name, std::int64_t number, const std::vector<std::int64_t>& shares);

}  // namespace lathe::pruner
