#include "lathe/report/profile_table.h"

#include <fmt/format.h>

namespace lathe::report {

std::string profile_table(const ProfileTotals& profile, const TableStyle& style) {
  Table table({{.title = "phase", .narrowest = 0},
               {.title = "seconds", .alignment = Alignment::kRight, .narrowest = 0},
               {.title = "share", .alignment = Alignment::kRight, .narrowest = 0},
               {.title = "what"}});
  for (std::size_t i = 0; i < kPhases; ++i) {
    const auto phase = static_cast<Phase>(i);
    if (profile.seconds(phase) == 0) continue;
    table.add_row({std::string(lathe::to_string(phase)), fmt::format("{:.3f}", profile.seconds(phase)),
                   fmt::format("{:.1f} %", 100 * profile.share(phase)), std::string(description(phase))});
  }
  return fmt::format("Where the time went ({} thread{}, {:.2f} s):\n{}", profile.threads,
                     profile.threads == 1 ? "" : "s", profile.wall_seconds(), table.to_string(style));
}

}  // namespace lathe::report
