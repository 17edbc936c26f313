#include "lathe/engine/schedule.h"

namespace lathe::engine {

ScheduleDeclaration linear_schedule() {
  return {.name = "linear", .aliases = {}, .description = "falls in a line to eta_min", .left = [](double done) {
            return 1.0 - done;
          }};
}

}  // namespace lathe::engine
