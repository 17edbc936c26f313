#include "lathe/study/exhaustive/plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>

#include "lathe/sampler/permutation.h"
#include "lathe/trial/constraint.h"
#include "lathe/trial/parallel.h"
#include "lathe/trial/speed.h"

namespace lathe::study {
namespace {

// Points of a space that is too large to be decoded as a whole.
constexpr std::int64_t kSampledPoints = 20'000;
// Candidates that are timed, and for how long each is trained.
constexpr std::size_t kTimedCandidates = 16;
constexpr double kTimedSeconds = 0.1;

// Holds what is known of one point without training it.
struct Point {
  std::uint64_t place = 0;
  bool possible = false, ruled_out = false;
  Digest key = {};
  double macs = 0;  // of one row
  std::int64_t samples = 0;
};

Point look_at(const recipe::StudySettings& settings, const space::SearchSpace& space, const trial::Evaluator& evaluator,
              std::uint64_t place) {
  Point point{.place = place};
  try {
    const trial::Prepared prepared = evaluator.prepare(space.parameters().decode(place));
    point.possible = true;
    point.key = prepared.key;
    const std::map<std::string, double> metrics = trial::analysis_metrics(settings, prepared.candidate.graph);
    point.ruled_out = !trial::broken_constraint(settings.constraints, metrics).empty();
    point.macs = metrics.at("macs") / static_cast<double>(settings.batch_size);
    point.samples = evaluator.runner().training_samples(prepared.candidate);
  } catch (const UserError&) {
    // an impossible network
  } catch (const UnsupportedError&) {
    // one that no back end can run
  }
  return point;
}

// Looks at all points, or at a random sample of them.
std::vector<Point> look_around(const recipe::StudySettings& settings, const space::SearchSpace& space,
                               const trial::Evaluator& evaluator, const engine::StopToken& stop,
                               const std::function<void(std::int64_t, std::int64_t)>& progress) {
  const std::int64_t size = *space.size();
  const bool all = size <= kMostPlannedPoints;
  const auto count = static_cast<std::size_t>(all ? size : kSampledPoints);
  const sampler::Permutation order(static_cast<std::uint64_t>(size), settings.seed, "plan");
  std::vector<Point> points(count);
  std::vector<char> done(count, 0);
  trial::run_parallel(
      count, settings.n_jobs, stop,
      [&](std::size_t i) {
        points[i] = look_at(settings, space, evaluator, all ? i : order(i));
        done[i] = 1;
      },
      [&](std::size_t finished) {
        if (progress) progress(static_cast<std::int64_t>(finished), static_cast<std::int64_t>(count));
      });
  std::vector<Point> seen;
  for (std::size_t i = 0; i < count; ++i) {
    if (done[i] != 0) seen.push_back(points[i]);
  }
  return seen;
}

std::int64_t scaled(std::int64_t count, double factor) {
  return static_cast<std::int64_t>(std::llround(static_cast<double>(count) * factor));
}

// Keeps one point of each candidate that is to be trained, and counts the others.
std::vector<Point> distinct_points(const std::vector<Point>& points, std::int64_t size, SpaceCount& count) {
  std::map<Digest, std::int64_t> classes;
  std::vector<Point> distinct;
  for (const Point& point : points) {
    if (!point.possible) {
      ++count.impossible;
    } else if (classes[point.key]++ == 0) {
      count.ruled_out += point.ruled_out ? 1 : 0;
      if (!point.ruled_out) distinct.push_back(point);
    } else {
      ++count.repeated;
    }
  }
  count.points = size;
  count.looked_at = static_cast<std::int64_t>(points.size());
  count.distinct = static_cast<std::int64_t>(distinct.size());
  count.estimated = count.looked_at < size;
  if (!count.estimated || points.empty()) return distinct;
  std::int64_t equal_pairs = 0;
  for (const auto& [key, members] : classes) equal_pairs += members * (members - 1) / 2;
  const std::int64_t possible = count.looked_at - count.impossible;
  const double factor = static_cast<double>(size) / static_cast<double>(count.looked_at);
  const std::int64_t all_possible = scaled(possible, factor);
  const auto all_distinct = static_cast<std::int64_t>(estimated_distinct(all_possible, possible, equal_pairs));
  const double trained = static_cast<double>(count.distinct) /
                         static_cast<double>(std::max<std::int64_t>(count.distinct + count.ruled_out, 1));
  count.impossible = size - all_possible;
  count.repeated = all_possible - all_distinct;
  count.distinct = scaled(all_distinct, trained);
  count.ruled_out = all_distinct - count.distinct;
  return distinct;
}

// Picks candidates at equal steps of their size.
std::vector<Point> spread(std::vector<Point> points) {
  std::sort(points.begin(), points.end(),
            [](const Point& a, const Point& b) { return a.macs != b.macs ? a.macs < b.macs : a.place < b.place; });
  if (points.size() <= kTimedCandidates) return points;
  std::vector<Point> chosen;
  for (std::size_t i = 0; i < kTimedCandidates; ++i) {
    chosen.push_back(points[i * (points.size() - 1) / (kTimedCandidates - 1)]);
  }
  return chosen;
}

// Holds what one candidate costs as a function of its multiply-accumulates.
struct CostModel {
  Line per_sample, per_row;
  double start_seconds = 0;
};

CostModel time_candidates(const recipe::StudySettings& settings, const space::SearchSpace& space,
                          const trial::Evaluator& evaluator, const std::vector<Point>& chosen,
                          const engine::StopToken& stop) {
  std::vector<std::optional<trial::Speed>> speeds(chosen.size());
  trial::run_parallel(chosen.size(), std::min(settings.n_jobs, settings.lag), stop, [&](std::size_t i) {
    speeds[i] =
        trial::time_briefly(evaluator, evaluator.prepare(space.parameters().decode(chosen[i].place)), kTimedSeconds);
  });
  CostModel model;
  std::vector<double> macs, per_sample, per_row;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (!speeds[i]) continue;
    macs.push_back(chosen[i].macs);
    per_sample.push_back(speeds[i]->seconds_per_sample);
    per_row.push_back(speeds[i]->seconds_per_row);
    model.start_seconds += speeds[i]->start_seconds / static_cast<double>(chosen.size());
  }
  model.per_sample = fit_line(macs, per_sample);
  model.per_row = fit_line(macs, per_row);
  return model;
}

// Returns how often a training on so many samples is evaluated: at its reports and in the end.
double evaluations(const recipe::StudySettings& settings, double samples, double rows) {
  if (!settings.pruner || settings.pruner->resource != engine::Resource::kEpochs) return 1;
  const double epochs = std::min(static_cast<double>(settings.train->settings.max_epochs), samples / rows);
  return std::ceil(epochs / static_cast<double>(settings.pruner->interval));
}

void add_times(const recipe::StudySettings& settings, const trial::Evaluator& evaluator,
               const std::vector<Point>& distinct, const CostModel& model, SearchPlan& plan) {
  if (distinct.empty()) return;
  double sum = 0;
  plan.least_seconds = std::numeric_limits<double>::infinity();
  const auto trained = static_cast<double>(std::max<std::int64_t>(evaluator.runner().trained_rows(), 1));
  for (const Point& point : distinct) {
    const auto samples = static_cast<double>(point.samples);
    const double rows =
        evaluations(settings, samples, trained) * static_cast<double>(evaluator.runner().evaluated_rows());
    const double seconds =
        model.start_seconds + model.per_sample.at(point.macs) * samples + model.per_row.at(point.macs) * rows;
    sum += seconds;
    plan.least_seconds = std::min(plan.least_seconds, seconds);
    plan.largest_seconds = std::max(plan.largest_seconds, seconds);
  }
  plan.mean_seconds = sum / static_cast<double>(distinct.size());
  plan.all_seconds = plan.mean_seconds * static_cast<double>(plan.count.distinct) / static_cast<double>(plan.threads);
  plan.all_seeds_seconds = plan.all_seconds * static_cast<double>(plan.seeds);
}

}  // namespace

double estimated_distinct(std::int64_t points, std::int64_t sampled, std::int64_t equal_pairs) {
  if (points <= 1 || sampled <= 1) return static_cast<double>(points);
  const double pairs = static_cast<double>(sampled) * static_cast<double>(sampled - 1) / 2;
  return static_cast<double>(points) / (1 + static_cast<double>(points - 1) * static_cast<double>(equal_pairs) / pairs);
}

Line fit_line(const std::vector<double>& x, const std::vector<double>& y) {
  double w = 0, wx = 0, wy = 0, wxx = 0, wxy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!(y[i] > 0)) continue;
    const double weight = 1 / (y[i] * y[i]);
    w += weight;
    wx += weight * x[i];
    wy += weight * y[i];
    wxx += weight * x[i] * x[i];
    wxy += weight * x[i] * y[i];
  }
  if (!(w > 0)) return {};
  const double determinant = w * wxx - wx * wx;
  const Line constant{.constant = wy / w, .slope = 0};
  if (!(determinant > 1e-12 * w * wxx)) return constant;  // all of one size
  const Line line{.constant = (wy * wxx - wx * wxy) / determinant, .slope = (w * wxy - wx * wy) / determinant};
  if (line.slope < 0) return constant;
  return line.constant < 0 ? Line{.constant = 0, .slope = wxy / wxx} : line;
}

SearchPlan make_plan(const recipe::StudySettings& settings, const space::SearchSpace& space,
                     trial::Evaluator& evaluator, const engine::StopToken& stop,
                     const std::function<void(std::int64_t, std::int64_t)>& progress) {
  SearchPlan plan{.count = {}, .threads = std::min(settings.n_jobs, settings.lag), .seeds = settings.most_repeats()};
  const std::vector<Point> distinct =
      distinct_points(look_around(settings, space, evaluator, stop, progress), *space.size(), plan.count);
  const std::vector<Point> chosen = spread(distinct);
  plan.timed = static_cast<std::int64_t>(chosen.size());
  add_times(settings, evaluator, distinct, time_candidates(settings, space, evaluator, chosen, stop), plan);
  return plan;
}

}  // namespace lathe::study
