#include "lathe/study/compare/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "lathe/base/check.h"
#include "lathe/base/random.h"
#include "lathe/sampler/hypervolume.h"

namespace lathe::study {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kResamples = 1000;
constexpr double kTail = 0.025;
constexpr double kRounding = 1e-12;

bool better(double left, double right, Direction direction) {
  return direction == Direction::kMaximize ? left > right : left < right;
}

// Takes a point into a front unless it is dominated or there already; tells whether the front changed.
bool take_into_front(std::vector<sampler::Losses>& front, const sampler::Losses& point) {
  for (const sampler::Losses& other : front) {
    if (other == point || sampler::dominates(other, point)) return false;
  }
  std::erase_if(front, [&](const sampler::Losses& other) { return sampler::dominates(point, other); });
  front.push_back(point);
  return true;
}

double value_at(const std::vector<double>& curve, std::size_t trial) {
  if (curve.empty()) return kNone;
  return curve[std::min(trial, curve.size() - 1)];
}

// Draws which curves each resample of the bootstrap consists of.
std::vector<std::vector<std::size_t>> draw_resamples(std::size_t curves) {
  RandomStream stream(0, {curves}, "compare bootstrap");
  std::vector<std::vector<std::size_t>> resamples(kResamples, std::vector<std::size_t>(curves));
  for (auto& resample : resamples) {
    for (std::size_t& curve : resample) curve = static_cast<std::size_t>(stream.below(curves));
  }
  return resamples;
}

// Interpolates between order statistics of sorted values.
double quantile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

std::vector<double> resampled_means(const std::vector<double>& values,
                                    const std::vector<std::vector<std::size_t>>& resamples) {
  std::vector<double> means;
  means.reserve(resamples.size());
  for (const auto& resample : resamples) {
    double sum = 0;
    for (const std::size_t index : resample) sum += values[index];
    means.push_back(sum / static_cast<double>(values.size()));
  }
  std::sort(means.begin(), means.end());
  return means;
}

}  // namespace

std::string to_string(Repeat repeat) {
  switch (repeat) {
    case Repeat::kNone: return "no";
    case Repeat::kCandidate: return "candidate";
    case Repeat::kPoint: return "point";
  }
  return {};
}

std::vector<Repeat> find_repeats(const std::vector<parameter::Assignment>& assignments,
                                 const std::vector<Digest>& keys) {
  LATHE_CHECK_EQ(assignments.size(), keys.size());
  std::set<parameter::Assignment> points;
  std::set<Digest> candidates;
  std::vector<Repeat> repeats;
  for (std::size_t i = 0; i < assignments.size(); ++i) {
    const bool new_point = points.insert(assignments[i]).second;
    const bool new_candidate = keys[i] == Digest{} || candidates.insert(keys[i]).second;
    repeats.push_back(!new_point ? Repeat::kPoint : !new_candidate ? Repeat::kCandidate : Repeat::kNone);
  }
  return repeats;
}

std::vector<double> best_so_far(const RunValues& run, Direction direction) {
  std::vector<double> curve;
  double best = kNone;
  for (const std::vector<double>& values : run) {
    if (!values.empty() && (std::isnan(best) || better(values.front(), best, direction))) best = values.front();
    curve.push_back(best);
  }
  return curve;
}

std::vector<double> hypervolume_reference(const std::vector<RunValues>& runs,
                                          const std::vector<Direction>& directions) {
  std::vector<double> worst, best;
  for (const RunValues& run : runs) {
    for (const std::vector<double>& values : run) {
      if (values.empty()) continue;
      if (worst.empty()) worst = best = values;
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (better(worst[i], values[i], directions[i])) worst[i] = values[i];
        if (better(values[i], best[i], directions[i])) best[i] = values[i];
      }
    }
  }
  for (std::size_t i = 0; i < worst.size(); ++i) {
    if (worst[i] == best[i]) worst[i] += directions[i] == Direction::kMaximize ? -1 : 1;
  }
  return worst;
}

std::vector<double> hypervolume_so_far(const RunValues& run, const std::vector<Direction>& directions,
                                       const std::vector<double>& reference) {
  const sampler::Losses corner = sampler::to_losses(reference, directions);
  std::vector<sampler::Losses> front;
  std::vector<double> curve;
  double volume = 0;
  for (const std::vector<double>& values : run) {
    if (!values.empty() && take_into_front(front, sampler::to_losses(values, directions))) {
      volume = std::max(volume, sampler::hypervolume(front, corner));
    }
    curve.push_back(volume);
  }
  return curve;
}

MeanAndError mean_and_error(const std::vector<double>& values) {
  if (values.empty()) return {kNone, kNone};
  const bool equal = std::all_of(values.begin(), values.end(), [&](double value) { return value == values.front(); });
  if (equal) return {values.front(), 0};  // exactly: no rounding of the sum
  const auto count = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  const double mean = sum / count;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, values.size() > 1 ? std::sqrt(squares / (count - 1) / count) : 0};
}

Band band_of(const std::vector<std::vector<double>>& curves, std::int64_t trials) {
  Band band;
  const auto resamples = curves.empty() ? std::vector<std::vector<std::size_t>>{} : draw_resamples(curves.size());
  for (std::size_t trial = 0; trial < static_cast<std::size_t>(trials); ++trial) {
    std::vector<double> values;
    for (const std::vector<double>& curve : curves) values.push_back(value_at(curve, trial));
    const MeanAndError both = mean_and_error(values);
    band.mean.push_back(both.mean);
    band.standard_error.push_back(both.standard_error);
    const std::vector<double> means =
        std::isnan(both.mean) ? std::vector<double>{kNone} : resampled_means(values, resamples);
    band.low.push_back(quantile(means, kTail));
    band.high.push_back(quantile(means, 1 - kTail));
  }
  return band;
}

std::optional<double> first_value(const std::vector<double>& curve) {
  const auto found = std::find_if(curve.begin(), curve.end(), [](double value) { return !std::isnan(value); });
  if (found == curve.end()) return std::nullopt;
  return *found;
}

double target_value(double start, double best, double share) { return best + (1 - share) * (start - best); }

std::optional<std::int64_t> trials_to_reach(const std::vector<double>& curve, double target, Direction direction) {
  const double slack = kRounding * std::abs(target);
  const double threshold = direction == Direction::kMaximize ? target - slack : target + slack;
  for (std::size_t i = 0; i < curve.size(); ++i) {
    if (curve[i] == threshold || better(curve[i], threshold, direction)) return static_cast<std::int64_t>(i) + 1;
  }
  return std::nullopt;
}

Reach summarise_reach(const std::vector<std::optional<std::int64_t>>& trials) {
  std::vector<double> reached;
  for (const auto& count : trials) {
    if (count) reached.push_back(static_cast<double>(*count));
  }
  std::sort(reached.begin(), reached.end());
  Reach reach{.median = std::nullopt, .reached = static_cast<std::int64_t>(reached.size())};
  const std::size_t middle = trials.size() / 2;
  if (reached.size() <= middle) return reach;
  reach.median = trials.size() % 2 == 1 ? reached[middle] : (reached[middle - 1] + reached[middle]) / 2;
  return reach;
}

}  // namespace lathe::study
