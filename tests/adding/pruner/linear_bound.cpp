#include <algorithm>
#include <cmath>

#include "lathe/pruner/options.h"
#include "lathe/pruner/pruner.h"

namespace lathe::pruner {
namespace {

struct LinearBoundOptions {
  std::int64_t n_startup_trials = 5;
};

const std::vector<config::Field<LinearBoundOptions>>& linear_bound_fields() {
  static const std::vector<config::Field<LinearBoundOptions>> fields{
      config::field("n_startup_trials", &LinearBoundOptions::n_startup_trials,
                    "no trial is pruned before so many ended", config::at_least(1)),
  };
  return fields;
}

class LinearBound : public Pruner {
 public:
  LinearBound(const LinearBoundOptions& options, Direction direction)
      : n_startup_trials_(options.n_startup_trials), sign_(sign_of(direction)) {}

  bool prune(std::int64_t /*number*/, std::span<const Report> own,
             std::span<const FinishedTrial> history) const override {
    if (std::isnan(own.back().values.front())) return true;
    std::int64_t ended = 0, last_step = 0;
    double best = -std::numeric_limits<double>::infinity();
    for (const FinishedTrial& trial : history) {
      if (trial.values.empty() || trial.reports.empty()) continue;
      ++ended;
      last_step = std::max(last_step, trial.reports.back().step);
      best = std::fmax(best, sign_ * trial.values.front());
    }
    return ended >= n_startup_trials_ && own.size() > 1 && bound(own, last_step) < best;
  }

 private:
  // Returns where the line through the last two reports ends. Learning curves flatten: they end below it.
  double bound(std::span<const Report> own, std::int64_t last_step) const {
    const Report &before = own[own.size() - 2], &last = own.back();
    const double slope =
        sign_ * (last.values.front() - before.values.front()) / static_cast<double>(last.step - before.step);
    return sign_ * last.values.front() +
           std::max(slope, 0.0) * static_cast<double>(std::max<std::int64_t>(last_step - last.step, 0));
  }

  std::int64_t n_startup_trials_;
  double sign_;
};

std::unique_ptr<Pruner> make(const PrunerSettings& settings) {
  return std::make_unique<LinearBound>(read_options(settings, linear_bound_fields()), settings.directions.front());
}

}  // namespace

// Declares a pruner that ends trials which would stay behind the best one even if they went on gaining as fast as
// between their last two reports.
PrunerKind linear_bound_kind() {
  return {.name = "linear_bound",
          .aliases = {},
          .description = "ends a trial that cannot reach the best one at the speed of its last two reports",
          .options = describe(linear_bound_fields()),
          .several_objectives = false,
          .make = make};
}

}  // namespace lathe::pruner
