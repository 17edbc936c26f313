#include <cmath>
#include <numbers>

#include "lathe/engine/schedule.h"

namespace lathe::engine {

ScheduleDeclaration cosine_schedule() {
  return {.name = "cosine",
          .aliases = {},
          .description = "falls along half a cosine to eta_min, torch's CosineAnnealingLR over the run",
          .left = [](double done) { return 0.5 * (1.0 + std::cos(std::numbers::pi * done)); }};
}

}  // namespace lathe::engine
