#include "lathe/report/front_plot.h"
#include "lathe/report/writer.h"

namespace lathe::report {

ReportWriter front_writer() {
  return {.name = "front",
          .files = {"front.svg"},
          .help = "front.svg (a picture of the front, with two objectives or more)",
          .make = [](const StudyRecord& study) {
            std::vector<ReportFile> files;
            if (const auto plot = front_plot(study)) files.push_back({"front.svg", front_svg(*plot)});
            return files;
          }};
}

}  // namespace lathe::report
