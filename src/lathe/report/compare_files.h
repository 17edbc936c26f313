#pragma once

#include <filesystem>
#include <string>

#include "lathe/report/compare_record.h"

/// The result files of `lathe compare`.
namespace lathe::report {

/// Prints comparison.json: schema_version, what was compared, and by sampler its statistics, its curve and its runs.
/// Numbers that do not exist are null.
std::string compare_json(const CompareRecord& record);
/// Prints comparison.csv: sampler, seed, trial, value, best_so_far, duplicate, state; with several objectives a column
/// per objective for `value`, and `hypervolume` for `best_so_far`. One line per trial of every run; trials count from
/// 0.
std::string compare_csv(const CompareRecord& record);
/// Writes comparison.json, comparison.csv and comparison.svg into a folder that exists, each whole or not at all.
/// Throws SystemError.
void write_comparison(const CompareRecord& record, const std::filesystem::path& folder);

}  // namespace lathe::report
