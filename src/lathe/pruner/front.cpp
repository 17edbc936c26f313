#include "lathe/pruner/front.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/pruner/options.h"
#include "lathe/pruner/rungs.h"

namespace lathe::pruner {
namespace {

constexpr double kUnbounded = std::numeric_limits<double>::infinity();

// Returns the rank among n gains of the one that bounds a further one but for `share`. Rounding of (n + 1) * (1 -
// share) may not turn an exact whole number into the next one.
double rank_of_bound(double count, double share) { return std::ceil((count + 1) * (1 - share) - 1e-9); }

struct FrontOptions {
  std::int64_t calibration = 64;
  double confidence = 0.95;
  std::int64_t min_resource = 1;
  std::int64_t reduction_factor = 2;
  std::optional<std::int64_t> max_resource;  // nullopt: the longest calibration trial
};

const std::vector<config::Field<FrontOptions>>& front_fields() {
  using config::field;
  static const std::vector<config::Field<FrontOptions>> fields{
      field("calibration", &FrontOptions::calibration, "trials at the beginning that always run to their end",
            config::at_least(1)),
      field("confidence", &FrontOptions::confidence, "least probability that a trial is not dropped wrongly",
            config::Bounds{.low = 0.5, .high = 1, .low_open = true, .high_open = true}),
      field("min_resource", &FrontOptions::min_resource, "resource before the first decision", config::at_least(1)),
      field("reduction_factor", &FrontOptions::reduction_factor, "between the resources of one decision and the next",
            config::between(2, 1e6)),
      amount_field("max_resource", &FrontOptions::max_resource,
                   "resource of a whole trial; \"auto\": that of the longest calibration trial"),
  };
  return fields;
}

bool is_feasible(const FinishedTrial& trial) {
  return std::all_of(trial.constraints.begin(), trial.constraints.end(), [](double value) { return value <= 0; });
}

bool has_result(const FinishedTrial& trial) { return trial.state == TrialState::kComplete && !trial.values.empty(); }

class Front : public Pruner {
 public:
  Front(const FrontOptions& options, const PrunerSettings& settings)
      : options_(options), directions_(settings.directions), exact_(settings.exact) {
    exact_.resize(directions_.size(), false);
    const HalvingOptions halving{.min_resource = options.min_resource, .reduction_factor = options.reduction_factor};
    rungs_ = *Rungs::make(halving, {});
  }

  bool prune(std::int64_t number, std::span<const Report> own, std::span<const FinishedTrial> history) const override {
    if (has_nan(own.back())) return true;
    if (number < options_.calibration || history.empty()) return false;
    if (history.back().number < options_.calibration - 1) return false;  // some of them still run
    const std::size_t passed = rungs_.entered(own.first(own.size() - 1)).size();
    const std::size_t reached = rungs_.entered(own).size();
    if (reached == passed) return false;
    const std::vector<const FinishedTrial*> calibration = calibration_in(history);
    const std::size_t judged = std::min(reached, rung_count(calibration));
    for (std::size_t rung = passed; rung < judged; ++rung) {
      const std::vector<double> bounds = bounds_at(rung, own.back(), calibration);
      if (!bounds.empty() && beaten(bounds, history)) return true;
    }
    return false;
  }

 private:
  double better(double value, std::size_t objective) const { return sign_of(directions_[objective]) * value; }

  std::vector<const FinishedTrial*> calibration_in(std::span<const FinishedTrial> history) const {
    std::vector<const FinishedTrial*> trials;
    for (const FinishedTrial& trial : history) {
      if (trial.number >= options_.calibration) break;
      if (has_result(trial) && !trial.reports.empty()) trials.push_back(&trial);
    }
    return trials;
  }

  std::size_t rung_count(const std::vector<const FinishedTrial*>& calibration) const {
    std::int64_t whole = options_.max_resource.value_or(0);
    if (!options_.max_resource) {
      for (const FinishedTrial* trial : calibration) whole = std::max(whole, trial->reports.back().step);
    }
    return static_cast<std::size_t>(front_rungs(options_.min_resource, options_.reduction_factor, whole));
  }

  std::size_t measured_objectives() const {
    return static_cast<std::size_t>(std::count(exact_.begin(), exact_.end(), false));
  }

  // Bounds the final values of a trial, larger is better; empty where one has no bound.
  std::vector<double> bounds_at(std::size_t rung, const Report& report,
                                const std::vector<const FinishedTrial*>& calibration) const {
    std::vector<const FinishedTrial*> reached;
    std::vector<const Report*> reports;
    for (const FinishedTrial* trial : calibration) {
      const std::vector<const Report*> entered = rungs_.entered(*trial);
      if (entered.size() <= rung) continue;
      reached.push_back(trial);
      reports.push_back(entered[rung]);
    }
    const std::vector<std::size_t> front = front_of(reached);
    const double share = (1 - options_.confidence) /
                         static_cast<double>(rung_count(calibration) * std::max<std::size_t>(measured_objectives(), 1));
    std::vector<double> bounds;
    for (std::size_t i = 0; i < directions_.size(); ++i) {
      bounds.push_back(better(report.values[i], i));
      if (exact_[i]) continue;
      std::vector<double> gains;
      for (std::size_t j = 0; j < reached.size(); ++j) {
        gains.push_back(better(reached[j]->values[i], i) - better(reports[j]->values[i], i));
      }
      double largest_of_front = -kUnbounded;
      for (const std::size_t j : front) largest_of_front = std::max(largest_of_front, gains[j]);
      bounds.back() += std::max(conformal_bound(std::move(gains), share), largest_of_front);
      if (!(bounds.back() < kUnbounded)) return {};
    }
    return bounds;
  }

  // Returns the places of the trials that none of the others beats.
  std::vector<std::size_t> front_of(const std::vector<const FinishedTrial*>& trials) const {
    std::vector<std::size_t> feasible;
    std::vector<std::vector<double>> values;
    for (std::size_t i = 0; i < trials.size(); ++i) {
      if (!is_feasible(*trials[i])) continue;
      feasible.push_back(i);
      values.push_back(trials[i]->values);
    }
    std::vector<std::size_t> front;
    for (const std::size_t place : sampler::pareto_front(values, directions_)) front.push_back(feasible[place]);
    return front;
  }

  // Tells whether a complete trial is nowhere worse and somewhere better than the bounds.
  bool beaten(const std::vector<double>& bounds, std::span<const FinishedTrial> history) const {
    return std::any_of(history.begin(), history.end(), [&](const FinishedTrial& other) {
      if (!has_result(other)) return false;
      bool somewhere = false;
      for (std::size_t i = 0; i < bounds.size(); ++i) {
        const double value = better(other.values[i], i);
        if (!(value >= bounds[i])) return false;
        somewhere |= value > bounds[i];
      }
      return somewhere && is_feasible(other);
    });
  }

  FrontOptions options_;
  std::vector<Direction> directions_;
  std::vector<bool> exact_;
  Rungs rungs_;
};

std::unique_ptr<Pruner> make(const PrunerSettings& settings) {
  return std::make_unique<Front>(read_options(settings, front_fields()), settings);
}

}  // namespace

// Declares `front`: ends trials that are not going to be on the Pareto front, with a bound on the error.
//
// The rungs are those of successive halving (Jamieson, Talwalkar, "Non-stochastic best arm identification and
// hyperparameter optimization", AISTATS 2016; Li et al., "Hyperband", JMLR 18(185), 2018): after min_resource *
// reduction_factor^r of the resource, below max_resource. What is dropped is decided by confidence bounds as in
// Hoeffding races (Maron, Moore, NIPS 1993), not by a fixed share. The bounds are those of split conformal prediction
// (Vovk, Gammerman, Shafer, "Algorithmic learning in a random world", Springer 2005, section 4.1; Lei et al., JASA
// 113(523), 2018, theorem 2.2), which assume no form of the learning curves.
//
// Trials 0 .. calibration - 1 always run to their end. For a trial at rung r, the gain from the rung's report to the
// final value is taken of the n calibration trials that reached the rung and completed, for each measured objective.
// The bound of the trial's final value is its report plus the k-th smallest gain, k = ceil((n + 1) * (1 - share)),
// share = (1 - confidence) / (rungs * measured objectives); where k > n there is no bound and nothing is dropped. It
// is never less than the report plus the largest gain among the calibration trials that are on the front of the
// calibration trials. Objectives that are known before training are exact. A trial is dropped when a complete trial
// that meets the constraints is not worse in any exact objective, not worse than the bound in any measured one, and
// better somewhere.
//
// Statement. Let every trial have a final value and reports whether it is dropped or not (those it would have, trained
// to its end; final values as a study records them: of its first seed, or the mean of `repeats` seeds), and let the
// order of the trials be a uniformly random permutation of the space. Then for each trial t, the probability that t
// completes, its final value is on the front of all final values, and t is dropped is at most 1 - confidence. Hence at
// most a share of 1 - confidence of all candidates is expected to be dropped wrongly.
//   Proof: t and the calibration trials that reach rung r and complete are exchangeable, so that the gain of t exceeds
// their k-th smallest one with probability at most `share`; else the bound holds, and the trial that beats the bound
// dominates t. The shares of all rungs and objectives are added up. It does not matter how the competitors were
// chosen. Statement for members of the front. Given that t is on the front of all final values, it is dropped with
// probability at most rungs * measured objectives * E[1 / (J + 1)], where J counts the calibration trials that are on
// the front of all, too: these are on the front of the calibration trials, and the largest of J + 1 exchangeable gains
// is t's with probability 1 / (J + 1). This one is the stronger, and needs a large calibration to be so.
//
// Assumptions, and what is not promised: the order is random (brute_force's is; points that were enqueued by hand or
// copied from another study among the calibration trials break this); a trial whose report is NaN has diverged and is
// ended; the final values carry the noise of their seeds, against which the bound is no statement about expected
// values. Probabilities are over the order of the trials, not given a particular network.
//
// Stateless: O(trials) per decision (one look at each complete trial, stopping at the first that beats the bound) and
// O(calibration) for the bounds; reports between rungs cost nothing.
PrunerKind front_kind() {
  return {
      .name = "front",
      .aliases = {"exhaustive", "conformal_halving"},
      .description = "ends trials that confidence bounds keep off the front; for random orders such as brute_force's",
      .options = describe(front_fields()),
      .several_objectives = true,
      .make = make};
}

std::int64_t front_rungs(std::int64_t min_resource, std::int64_t reduction_factor, std::int64_t max_resource) {
  std::int64_t count = 0;
  for (std::int64_t step = min_resource; step < max_resource; step *= reduction_factor) {
    ++count;
    if (step > max_resource / reduction_factor) break;
  }
  return count;
}

std::int64_t least_calibration(double confidence, std::int64_t rungs, std::int64_t measured_objectives) {
  const auto parts = static_cast<double>(std::max<std::int64_t>(rungs * measured_objectives, 1));
  const double share = (1 - confidence) / parts;
  std::int64_t none = 0, enough = 1;  // none: bounds nothing; enough: does
  while (rank_of_bound(static_cast<double>(enough), share) > static_cast<double>(enough)) {
    none = enough;
    enough *= 2;
  }
  while (enough - none > 1) {
    const std::int64_t middle = none + (enough - none) / 2;
    (rank_of_bound(static_cast<double>(middle), share) > static_cast<double>(middle) ? none : enough) = middle;
  }
  return enough;
}

double conformal_bound(std::vector<double> gains, double share) {
  for (double& gain : gains) {
    if (std::isnan(gain)) gain = kUnbounded;
  }
  const auto count = static_cast<double>(gains.size());
  const double rank = rank_of_bound(count, share);
  if (rank > count) return kUnbounded;
  const auto place = gains.begin() + static_cast<std::ptrdiff_t>(std::max(rank, 1.0)) - 1;
  std::nth_element(gains.begin(), place, gains.end());
  return *place;
}

}  // namespace lathe::pruner
