#include "lathe/report/mase_files.h"
#include "lathe/report/writer.h"

namespace lathe::report {

ReportWriter results_writer() {
  return {.name = "results",
          .files = {"best.json", "log.json", "study.json"},
          .help = "best.json and log.json in MASE's layout, study.json",
          .make = [](const StudyRecord& study) {
            return std::vector<ReportFile>{
                {"log.json", log_json(study)}, {"study.json", study_json(study)}, {"best.json", best_json(study)}};
          }};
}

}  // namespace lathe::report
