#include "lathe/report/writer.h"

namespace lathe::report {

#define ENTRY(declare) ReportWriter declare();
#include "lathe/report/writers/builtin.def"
#undef ENTRY

namespace {

std::vector<ReportWriter> listed() {
  return {
#define ENTRY(declare) declare(),
#include "lathe/report/writers/builtin.def"
#undef ENTRY
  };
}

}  // namespace

const Registry<ReportWriter>& report_writers() {
  static const Registry<ReportWriter> registry("report", listed());
  return registry;
}

}  // namespace lathe::report
