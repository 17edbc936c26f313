#include "lathe/engine/schedule.h"

namespace lathe::engine {

#define ENTRY(declare) ScheduleDeclaration declare();
#include "lathe/engine/schedules/builtin.def"
#undef ENTRY

namespace {

std::vector<ScheduleDeclaration> listed() {
  return {
#define ENTRY(declare) declare(),
#include "lathe/engine/schedules/builtin.def"
#undef ENTRY
  };
}

}  // namespace

const Registry<ScheduleDeclaration>& schedules() {
  static const Registry<ScheduleDeclaration> registry("schedule", listed());
  return registry;
}

const ScheduleDeclaration& schedule_named(const std::string& name) { return schedules().at(name, "lr_scheduler"); }

}  // namespace lathe::engine
