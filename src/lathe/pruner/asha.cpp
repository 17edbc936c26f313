#include "lathe/pruner/asha.h"

#include <algorithm>

#include "lathe/pruner/options.h"

namespace lathe::pruner {
namespace {

// Tells whether `value` (larger is better) is among the best 1 / reduction_factor of its rung; ties are.
bool goes_on(const HalvingOptions& options, const std::vector<double>& others, double value) {
  const auto count = static_cast<std::int64_t>(others.size()) + 1;
  if (count <= options.bootstrap_count) return false;
  const std::int64_t places = std::max<std::int64_t>(count / options.reduction_factor, 1);
  return std::count_if(others.begin(), others.end(), [&](double other) { return other > value; }) < places;
}

class Asha : public Pruner {
 public:
  Asha(const HalvingOptions& options, Direction direction) : options_(options), direction_(direction) {}

  bool prune(std::int64_t /*number*/, std::span<const Report> own,
             std::span<const FinishedTrial> history) const override {
    return halving_ends(options_, direction_, own, reporting(history));
  }

 private:
  HalvingOptions options_;
  Direction direction_;
};

std::unique_ptr<Pruner> make(const PrunerSettings& settings) {
  return std::make_unique<Asha>(read_options(settings, halving_fields()), settings.directions.front());
}

}  // namespace

bool halving_ends(const HalvingOptions& options, Direction direction, std::span<const Report> own,
                  std::span<const FinishedTrial* const> competing) {
  const std::optional<Rungs> rungs = Rungs::make(options, competing);
  if (!rungs) return false;
  const std::size_t passed = rungs->entered(own.first(own.size() - 1)).size();
  if (has_nan(own.back())) return rungs->due(passed, own.back().step);
  const std::size_t reached = rungs->entered(own).size();
  std::vector<std::vector<double>> values(reached - passed);  // of the other trials, rung by rung
  for (const FinishedTrial* trial : competing) {
    const std::vector<const Report*> entered = rungs->entered(*trial);
    for (std::size_t rung = passed; rung < std::min(reached, entered.size()); ++rung) {
      values[rung - passed].push_back(sign_of(direction) * entered[rung]->values.front());
    }
  }
  const double value = sign_of(direction) * own.back().values.front();
  return std::any_of(values.begin(), values.end(),
                     [&](const std::vector<double>& others) { return !goes_on(options, others, value); });
}

// Asynchronous successive halving (Li et al., "A system for massively parallel hyperparameter tuning", MLSys 2020,
// arXiv:1810.05934, algorithm 2, in the stopping form of Optuna's SuccessiveHalvingPruner): of the trials that reached
// a rung, a trial goes on when it is among the best 1 / reduction_factor so far. Unlike Optuna's, an automatic
// min_resource counts the trials that ended before it was known; and a report that takes a trial into several rungs
// counts only in the first of them when the trial was pruned there.
PrunerKind asha_kind() {
  return {.name = "asha",
          .aliases = {"successive_halving", "sha", "successive_halving_pruner"},
          .description = "asynchronous successive halving: the best 1 / reduction_factor go on from each rung",
          .options = describe(halving_fields()),
          .several_objectives = false,
          .make = make};
}

}  // namespace lathe::pruner
