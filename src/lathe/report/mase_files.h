#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "lathe/report/trial_record.h"

/// The result files of a search in MASE's layout, and our own study.json beside them.
namespace lathe::report {

/// Counts the layout of our own keys and of study.json. Raise it with every change that a reader can notice.
inline constexpr int kSchemaVersion = 3;

/// Prints best.json: the best trials under the keys "0", "1", ... in the order of their numbers, each with number,
/// value (a number, or a list where there are several objectives), software_metrics, hardware_metrics, scaled_metrics
/// and sampled_config, as MASE writes them, and our widths, bits, untrained, key (of the candidate), weights (the file
/// in the study's folder), metric_spreads and notice. Numbers are rounded to 10 decimals; NA, NaN and infinities are
/// null.
std::string best_json(const StudyRecord& study);
/// Prints log.json: all trials as a pandas table with one entry per row (number, value or values_0 ..., user_attrs_...,
/// state, datetime_start and datetime_complete in milliseconds since 1970 UTC, duration in milliseconds).
std::string log_json(const StudyRecord& study);
/// Prints study.json: schema_version, versions, settings, seed, data fingerprint, notice, back end, counts, final
/// scores.
std::string study_json(const StudyRecord& study);

/// Reads trial `number` (the column `number`, not the key) from a best.json or log.json, MASE's own included: its
/// chosen values, its values, whether it was trained, its key and weights where lathe wrote them, and no more. Throws
/// SystemError when the file cannot be read, DataError when it is no such file, UserError when it has no such trial
/// (those it has are listed) or the trial has no sampled_config.
TrialRecord read_saved_trial(const std::filesystem::path& path, std::int64_t number);
/// Lists the trial numbers of a best.json or log.json in the order of the file.
std::vector<std::int64_t> saved_trial_numbers(const std::filesystem::path& path);

}  // namespace lathe::report
