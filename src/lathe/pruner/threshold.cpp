#include <cmath>

#include "lathe/pruner/interval.h"
#include "lathe/pruner/options.h"
#include "lathe/pruner/pruner.h"

namespace lathe::pruner {
namespace {

struct ThresholdOptions {
  std::optional<double> lower, upper;
  std::int64_t n_warmup_steps = 0;
  std::int64_t interval_steps = 1;
};

const std::vector<config::Field<ThresholdOptions>>& threshold_fields() {
  using config::field;
  static const std::vector<config::Field<ThresholdOptions>> fields{
      field("lower", &ThresholdOptions::lower, "a smaller value of the objective ends the trial"),
      field("upper", &ThresholdOptions::upper, "a larger value of the objective ends the trial"),
      field("n_warmup_steps", &ThresholdOptions::n_warmup_steps, "no trial is pruned before this step",
            config::at_least(0)),
      field("interval_steps", &ThresholdOptions::interval_steps, "steps from one decision to the next",
            config::at_least(1)),
  };
  return fields;
}

class Threshold : public Pruner {
 public:
  explicit Threshold(const ThresholdOptions& options) : options_(options) {}

  bool prune(std::int64_t /*number*/, std::span<const Report> own,
             std::span<const FinishedTrial> /*history*/) const override {
    if (own.back().step < options_.n_warmup_steps) return false;
    if (!first_in_interval(own, options_.n_warmup_steps, options_.interval_steps)) return false;
    const double value = own.back().values.front();
    return std::isnan(value) || (options_.lower && value < *options_.lower) ||
           (options_.upper && value > *options_.upper);
  }

 private:
  ThresholdOptions options_;
};

std::unique_ptr<Pruner> make(const PrunerSettings& settings) {
  const ThresholdOptions options = read_options(settings, threshold_fields());
  if (!options.lower && !options.upper) {
    const std::string message = "threshold needs a lower or an upper bound, for example lower = 0.5";
    if (settings.options != nullptr) settings.options->fail(message);
    throw UserError(message);
  }
  if (options.lower && options.upper && *options.lower > *options.upper) {
    settings.options->find("lower")->fail("must not be above upper");
  }
  return std::make_unique<Threshold>(options);
}

}  // namespace

// Ends trials whose value leaves [lower, upper] or is not a number; Optuna's ThresholdPruner. The bounds are those of
// the objective, scaled as in `[search.strategy.metrics]`.
PrunerKind threshold_kind() {
  return {.name = "threshold",
          .aliases = {"threshold_pruner"},
          .description = "ends trials whose value leaves given bounds",
          .options = describe(threshold_fields()),
          .several_objectives = false,
          .make = make};
}

}  // namespace lathe::pruner
