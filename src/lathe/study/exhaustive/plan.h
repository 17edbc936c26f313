#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "lathe/trial/evaluate.h"

/// What an exhaustive search is going to cost, before its first trial.
namespace lathe::study {

/// Most points that are all decoded to count the distinct candidates; larger spaces are judged by a random sample.
inline constexpr std::int64_t kMostPlannedPoints = 200'000;

/// Counts the points of a space by what becomes of them.
struct SpaceCount {
  std::int64_t points = 0;
  std::int64_t looked_at = 0;   ///< decoded points: all, or a uniform sample without repetition
  std::int64_t distinct = 0;    ///< candidates that are trained: equal networks, equally trained, count once
  std::int64_t repeated = 0;    ///< points that are equal to another one
  std::int64_t impossible = 0;  ///< points that describe no network
  std::int64_t ruled_out = 0;   ///< distinct candidates that break a constraint on the network: never trained
  bool estimated = false;  ///< the counts are those of the sample scaled up, the repeats by how many pairs are equal
};

/// Holds the plan of an exhaustive study.
struct SearchPlan {
  SpaceCount count;
  std::int64_t threads = 1;  ///< that train at the same time: n_jobs, at most the lag
  std::int64_t seeds = 1;    ///< of what may be on the front
  std::int64_t timed = 0;    ///< candidates that the times were measured with
  double least_seconds = 0, mean_seconds = 0, largest_seconds = 0;  ///< one training of one candidate on one thread
  double all_seconds = 0;        ///< wall time of all candidates with one seed, nothing stopped early
  double all_seeds_seconds = 0;  ///< the same with `seeds` seeds
};

/// Counts the distinct candidates of the space, times some of them that are spread over the sizes for a fraction of a
/// second each (n_jobs at a time, as the search will run) and adds up the time of all, from seconds per sample as a
/// function of the multiply-accumulates: least squares of relative errors on a constant and a slope. Times depend on
/// the machine and its load; all other members are a function of the arguments. `progress` is called with points done
/// and in all. Writes nothing. Returns what was found so far when `stop` is requested.
SearchPlan make_plan(const recipe::StudySettings& settings, const space::SearchSpace& space,
                     trial::Evaluator& evaluator, const engine::StopToken& stop,
                     const std::function<void(std::int64_t, std::int64_t)>& progress = {});

/// Estimates how many distinct candidates `points` points hold where `equal_pairs` of the pairs among `sampled` of them
/// are equal: points / (1 + (points - 1) * share of equal pairs).
double estimated_distinct(std::int64_t points, std::int64_t sampled, std::int64_t equal_pairs);

/// Fits y = a + b x with a, b >= 0 to positive measurements, by least squares of relative errors.
struct Line {
  double constant = 0, slope = 0;
  double at(double x) const { return constant + slope * x; }
};
Line fit_line(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace lathe::study
