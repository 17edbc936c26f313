#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lathe/report/trial_record.h"

/// What reports know of a comparison of samplers: plain values.
namespace lathe::report {

/// Holds one trial of one run.
struct CompareTrialRecord {
  TrialState state = TrialState::kFail;
  std::vector<double> values = {};  ///< one per direction; empty unless complete
  double curve = 0;                 ///< best so far, or hypervolume; NaN before there is one
  std::string duplicate = "no";     ///< `no`, `candidate` (another point, the same network) or `point`
};

/// Holds one run: a sampler with one seed.
struct CompareRunRecord {
  std::uint64_t seed = 0;
  std::vector<CompareTrialRecord> trials = {};
  std::optional<std::int64_t> trials_to_target = {};  ///< nullopt: never
  std::int64_t repeated_points = 0;                   ///< trials whose point occurred before
  std::int64_t repeated_candidates = 0;  ///< trials whose network occurred before, repeated points included
  double sampler_seconds = 0;            ///< in the sampler
  double evaluation_seconds = 0;         ///< as it would be with every trial evaluated, one at a time
};

/// Holds a mean over the seeds and its standard error.
struct MeanRecord {
  double mean = 0, standard_error = 0;
};

/// Holds the runs of one sampler.
struct CompareSamplerRecord {
  std::string name = {};
  std::string options = {};      ///< as TOML; empty: the defaults
  std::string explanation = {};  ///< what an adaptive sampler decided
  std::vector<CompareRunRecord> runs = {};
  std::vector<double> mean = {}, standard_error = {};  ///< of the curves, by trial; NaN where a run has no value yet
  std::vector<double> low = {}, high = {};             ///< 95 % interval of the mean
  double best = 0;                                     ///< the best final value of its runs; NaN where there is none
  std::optional<double> median_to_target = {};         ///< trials; nullopt when half of the runs never reach it
  std::int64_t reached = 0;                            ///< runs that reach it
  MeanRecord trials = {}, repeated_points = {}, repeated_candidates = {};  ///< per run
  MeanRecord sampler_seconds = {}, evaluation_seconds = {};                ///< per run
  double sampler_seconds_per_trial = 0;
};

/// Holds a comparison.
struct CompareRecord {
  std::string name = {}, model = {}, dataset = {};
  std::string notice = {};  ///< `simulated jets, not JSC`; empty: none
  std::vector<ObjectiveRecord> objectives = {};
  std::vector<Direction> directions = {};  ///< of the values: one, or one per objective
  std::string value_name = {};             ///< `accuracy`, `sum of the scaled metrics`; the curve's with one objective
  std::vector<double> reference_point = {};  ///< of the hypervolume, as measured; empty with one objective
  std::uint64_t evaluation_seed = 0;
  std::int64_t n_trials = 0, lag = 0;
  std::int64_t seeds = 0;                                    ///< that every sampler completed
  std::int64_t planned_seeds = 0;                            ///< more than `seeds` after an interrupt
  std::int64_t candidates = 0, incomparable_candidates = 0;  ///< distinct; those that failed or break a constraint
  bool whole_space = false;                                  ///< every point of the space was tried
  bool reproducible = true;                                  ///< false: the clock had a say
  double evaluation_seconds = 0;                             ///< of the distinct candidates
  double start = 0;   ///< mean of the first values of all curves; NaN where no trial has a value, as the next two
  double best = 0;    ///< the best value known, or the hypervolume of everything known
  double target = 0;  ///< 99 % of the way from `start` to `best`
  std::vector<CompareSamplerRecord> samplers = {};

  bool single() const { return directions.size() == 1; }
  /// Says which way the curves go: a hypervolume grows.
  Direction direction() const { return single() ? directions.front() : Direction::kMaximize; }
};

}  // namespace lathe::report
