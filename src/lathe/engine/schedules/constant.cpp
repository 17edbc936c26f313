#include "lathe/engine/schedule.h"

namespace lathe::engine {

ScheduleDeclaration constant_schedule() {
  return {.name = "constant", .aliases = {"constant_with_warmup"}, .description = "the peak to the end"};
}

}  // namespace lathe::engine
