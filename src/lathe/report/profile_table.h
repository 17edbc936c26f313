#pragma once

#include <string>

#include "lathe/base/profile.h"
#include "lathe/report/table.h"

namespace lathe::report {

/// Prints where the time of a run went: a line with threads and wall time, then each phase with its seconds (summed
/// over the threads), its share of threads x wall and what belongs to it. Phases without any time are left out.
std::string profile_table(const ProfileTotals& profile, const TableStyle& style);

}  // namespace lathe::report
