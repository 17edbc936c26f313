#include "lathe/report/trials_csv.h"
#include "lathe/report/writer.h"

namespace lathe::report {

ReportWriter trials_writer() {
  return {.name = "trials",
          .files = {"trials.csv"},
          .help = "trials.csv (every trial, for spreadsheets)",
          .make = [](const StudyRecord& study) {
            return std::vector<ReportFile>{{"trials.csv", trials_csv(study)}};
          }};
}

}  // namespace lathe::report
