#include "lathe/app/exporter.h"

namespace lathe::app {

#define ENTRY(declare) Exporter declare();
#include "lathe/app/exporters/builtin.def"
#undef ENTRY

namespace {

std::vector<Exporter> listed() {
  return {
#define ENTRY(declare) declare(),
#include "lathe/app/exporters/builtin.def"
#undef ENTRY
  };
}

}  // namespace

const Registry<Exporter>& exporters() {
  static const Registry<Exporter> registry("format", listed());
  return registry;
}

}  // namespace lathe::app
