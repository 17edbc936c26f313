#pragma once

#include <string>

#include "lathe/report/compare_record.h"
#include "lathe/report/table.h"

/// What `lathe compare` prints.
namespace lathe::report {

/// Prints what was compared: objective, candidates, the best value known and the target.
std::string compare_summary(const CompareRecord& record);

/// Prints a row per sampler: final mean and standard error, best final value, median trials to the target (`> 40` where
/// half of the runs or more miss it) and the runs that reach it, repeats per run, time in the sampler per trial and
/// wall time of a run with every trial evaluated.
std::string compare_table(const CompareRecord& record, const TableStyle& style);

}  // namespace lathe::report
