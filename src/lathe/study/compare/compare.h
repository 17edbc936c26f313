#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lathe/base/hash.h"
#include "lathe/base/trial_state.h"
#include "lathe/parameter/space.h"

/// The statistics of `lathe compare`: pure functions over the values of runs, a run being one sampler with one seed.
namespace lathe::study {

/// Holds the values of a run's trials in the order of their numbers, one per objective as measured; empty for trials
/// that have none to compare (failed, ruled out, constraints broken).
using RunValues = std::vector<std::vector<double>>;

/// Says how a trial repeats an earlier one of its run.
enum class Repeat { kNone, kCandidate, kPoint };
/// Prints `no`, `candidate` or `point`.
std::string to_string(Repeat repeat);

/// Finds the trials that repeat earlier ones: the same assignment (kPoint), or another assignment that stands for the
/// same candidate (kCandidate). `keys` holds the candidate keys; all zero for candidates that have none (impossible
/// networks), which repeat points alone.
std::vector<Repeat> find_repeats(const std::vector<parameter::Assignment>& assignments,
                                 const std::vector<Digest>& keys);

/// Returns the best value of one objective after each trial; NaN before the first trial that has one.
std::vector<double> best_so_far(const RunValues& run, Direction direction);

/// Returns the reference point of the hypervolume: the worst value of each objective over all runs, one worse where all
/// values are equal (the volume would be 0 whatever the other objectives do). Empty where no trial has values.
std::vector<double> hypervolume_reference(const std::vector<RunValues>& runs, const std::vector<Direction>& directions);

/// Returns the hypervolume that the trials up to each one dominate, from `reference` (as measured, not negated); 0
/// before the first trial that has values.
std::vector<double> hypervolume_so_far(const RunValues& run, const std::vector<Direction>& directions,
                                       const std::vector<double>& reference);

/// Holds a mean over seeds and its standard error (sample standard deviation / sqrt(n); 0 for one seed).
struct MeanAndError {
  double mean = 0;
  double standard_error = 0;
};
/// Computes both. NaN for no values.
MeanAndError mean_and_error(const std::vector<double>& values);

/// Holds what the curves of one sampler's runs look like at each trial.
struct Band {
  std::vector<double> mean, standard_error;
  std::vector<double> low, high;  ///< 95 % percentile-bootstrap interval of the mean
};

/// Computes the band of curves over trials 1 .. `trials`. A curve that ends early (the space was exhausted) keeps its
/// last value; where some curve has no value yet (NaN, or it is empty) the band has none. The bootstrap draws whole
/// curves, the same ones for every trial, 1000 times from a fixed seed: equal curves give equal bands. Unlike a normal
/// interval it never leaves the range of the curves, but with fewer than about ten seeds it is somewhat too narrow.
Band band_of(const std::vector<std::vector<double>>& curves, std::int64_t trials);

/// Returns the first value of a curve that is not NaN; nullopt where there is none.
std::optional<double> first_value(const std::vector<double>& curve);

/// Returns the value at which so large a share of the way from `start` to `best` is covered. Differences alone count:
/// the sign, the scale and the origin of an objective have no effect on the trial at which it is reached.
double target_value(double start, double best, double share = 0.99);

/// Returns the number of trials after which a curve reaches the target, counted from 1; nullopt when it never does.
/// Values within 1e-12 (relative) of the target count.
std::optional<std::int64_t> trials_to_reach(const std::vector<double>& curve, double target, Direction direction);

/// Holds when the runs of one sampler reach the target.
struct Reach {
  std::optional<double> median;  ///< trials; nullopt when at least half of the runs do not reach it
  std::int64_t reached = 0;      ///< runs that do
};
/// Summarises runs; those that never reach the target count as later than all others.
Reach summarise_reach(const std::vector<std::optional<std::int64_t>>& trials);

}  // namespace lathe::study
