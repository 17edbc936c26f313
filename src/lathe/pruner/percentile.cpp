#include <algorithm>
#include <cmath>

#include "lathe/pruner/interval.h"
#include "lathe/pruner/options.h"
#include "lathe/pruner/pruner.h"

namespace lathe::pruner {
namespace {

using config::at_least;
using config::Field;
using config::field;

struct PercentileOptions {
  double percentile = 25;
  std::int64_t n_startup_trials = 5;
  std::int64_t n_warmup_steps = 0;
  std::int64_t interval_steps = 1;
  std::int64_t n_min_trials = 1;
};

std::vector<Field<PercentileOptions>> median_fields() {
  return {
      field("n_startup_trials", &PercentileOptions::n_startup_trials, "complete trials before any is pruned",
            at_least(0)),
      field("n_warmup_steps", &PercentileOptions::n_warmup_steps, "no trial is pruned before this step", at_least(0)),
      field("interval_steps", &PercentileOptions::interval_steps, "steps from one decision to the next", at_least(1)),
      field("n_min_trials", &PercentileOptions::n_min_trials,
            "complete trials with a report at the same step before any is pruned", at_least(1)),
  };
}

std::vector<Field<PercentileOptions>> percentile_fields() {
  std::vector<Field<PercentileOptions>> fields = median_fields();
  fields.insert(fields.begin(),
                field("percentile", &PercentileOptions::percentile,
                      "share in percent of the complete trials that a trial must be among", config::between(0, 100)));
  return fields;
}

// Interpolates linearly between the order statistics, as numpy does by default.
double percentile_of(std::vector<double> values, double percentile) {
  std::sort(values.begin(), values.end());
  const double place = percentile / 100 * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  const double share = place - static_cast<double>(below);
  return share == 0 ? values[below] : values[below] + (values[above] - values[below]) * share;
}

// Returns the best report, larger ones being better; NaN when all are NaN.
double best_of(std::span<const Report> reports, double sign) {
  double best = std::nan("");
  for (const Report& report : reports) best = std::fmax(best, sign * report.values.front());
  return best;
}

const Report* report_at(const FinishedTrial& trial, std::int64_t step) {
  const auto found = std::lower_bound(trial.reports.begin(), trial.reports.end(), step,
                                      [](const Report& report, std::int64_t wanted) { return report.step < wanted; });
  return found != trial.reports.end() && found->step == step ? &*found : nullptr;
}

class PercentilePruner : public Pruner {
 public:
  PercentilePruner(const PercentileOptions& options, Direction direction)
      : options_(options), sign_(sign_of(direction)) {}

  bool prune(std::int64_t /*number*/, std::span<const Report> own,
             std::span<const FinishedTrial> history) const override {
    const std::int64_t step = own.back().step;
    if (step < options_.n_warmup_steps) return false;
    if (!first_in_interval(own, options_.n_warmup_steps, options_.interval_steps)) return false;
    std::int64_t complete = 0, reporting = 0;
    std::vector<double> values;
    for (const FinishedTrial& trial : history) {
      if (trial.state != TrialState::kComplete) continue;
      ++complete;
      const Report* report = report_at(trial, step);
      if (report == nullptr) continue;
      ++reporting;
      const double value = sign_ * report->values.front();
      if (!std::isnan(value)) values.push_back(value);
    }
    if (complete == 0 || complete < options_.n_startup_trials) return false;
    const double best = best_of(own, sign_);
    if (std::isnan(best)) return true;
    if (reporting < options_.n_min_trials || values.empty()) return false;
    return best < percentile_of(std::move(values), 100 - options_.percentile);
  }

 private:
  PercentileOptions options_;
  double sign_;
};

std::unique_ptr<Pruner> make_percentile(const PrunerSettings& settings) {
  return std::make_unique<PercentilePruner>(read_options(settings, percentile_fields()), settings.directions.front());
}

std::unique_ptr<Pruner> make_median(const PrunerSettings& settings) {
  PercentileOptions options = read_options(settings, median_fields());
  options.percentile = 50;
  return std::make_unique<PercentilePruner>(options, settings.directions.front());
}

}  // namespace

// Ends trials whose best value so far is worse than a percentile (linear interpolation) of the finished trials' values
// at the same step; Optuna's PercentilePruner.
PrunerKind percentile_kind() {
  return {.name = "percentile",
          .aliases = {"percentile_pruner"},
          .description = "ends trials that are worse than a percentile of the complete ones at the same step",
          .options = describe(percentile_fields()),
          .several_objectives = false,
          .make = make_percentile};
}

// The same with the median; Optuna's MedianPruner, with Vizier's median stopping rule as its model (Golovin et al.,
// KDD 2017, section 3.2.2).
PrunerKind median_kind() {
  return {.name = "median",
          .aliases = {"median_pruner"},
          .description = "ends trials that are worse than the median of the complete ones at the same step",
          .options = describe(median_fields()),
          .several_objectives = false,
          .make = make_median};
}

}  // namespace lathe::pruner
