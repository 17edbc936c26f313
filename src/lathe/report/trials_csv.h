#pragma once

#include <string>
#include <vector>

#include "lathe/report/trial_record.h"

namespace lathe::report {

/// Prints one line of comma-separated values (RFC 4180 quoting where needed), ended by \n.
std::string csv_line(const std::vector<std::string>& cells);

/// Prints all trials as comma-separated values: number, state, value or values_0 ..., every metric, every choice,
/// after a race seeds, front, front_probability and for each value mean, standard_error (of the seeds), sampling_error
/// (of the evaluated rows) and total_error; widths, bits, seconds, duplicate_of, reason. Numbers in full precision;
/// absent ones are empty.
std::string trials_csv(const StudyRecord& study);

}  // namespace lathe::report
