#include <algorithm>

#include "lathe/engine/training_option.h"

namespace lathe::engine {
namespace {

// Cuts what is left of the run into parts of equal length, each with the whole course of the schedule.
std::optional<double> rate(double value, double, Course& course) {
  const std::int64_t parts = static_cast<std::int64_t>(value) + 1;
  course.total = std::max<std::int64_t>((course.total + parts - 1) / parts, 1);
  course.step %= course.total;
  return std::nullopt;
}

}  // namespace

// Declares warm restarts (Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017),
// with parts of equal length.
TrainingOption lr_restarts_option() {
  return {.name = "lr_restarts",
          .description = "how often the learning rate goes back to its peak and the schedule begins anew",
          .whole = true,
          .searchable = true,
          .rate = rate};
}

}  // namespace lathe::engine
