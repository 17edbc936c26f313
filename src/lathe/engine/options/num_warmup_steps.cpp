#include "lathe/engine/training_option.h"

namespace lathe::engine {
namespace {

// Rises in a line from 0; then the schedule has the steps that are left.
std::optional<double> rate(double value, double peak, Course& course) {
  const auto steps = static_cast<std::int64_t>(value);
  if (course.step < steps) return peak * static_cast<double>(course.step) / static_cast<double>(steps);
  course.step -= steps;
  course.total -= steps;
  return std::nullopt;
}

}  // namespace

TrainingOption num_warmup_steps_option() {
  return {.name = "num_warmup_steps",
          .description = "steps of linear warm-up from 0",
          .whole = true,
          .searchable = true,
          .kept_text = "warmup_steps",
          .rate = rate};
}

}  // namespace lathe::engine
