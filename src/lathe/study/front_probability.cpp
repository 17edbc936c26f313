#include "lathe/study/front_probability.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "lathe/base/random.h"
#include "lathe/sampler/domination.h"
#include "lathe/study/objective.h"

namespace lathe::study {
namespace {

using sampler::Losses;

// Standard errors of a difference at which it counts as certain: the other sign has a probability of 2e-8.
constexpr double kCertain = 5.5;

struct Point {
  Losses means;
  std::vector<double> errors;
  RandomStream stream;
  std::size_t place;
};

double known(double error) { return std::isfinite(error) ? error : 0; }

bool surely_beats(const Point& left, const Point& right) {
  bool somewhere = false;
  for (std::size_t i = 0; i < left.means.size(); ++i) {
    const double gap = right.means[i] - left.means[i];
    const double error = std::hypot(left.errors[i], right.errors[i]);
    if (gap < kCertain * error) return false;
    somewhere |= gap > 0;
  }
  return somewhere;
}

std::vector<Point> points_of(std::span<const UncertainPoint> given, const std::vector<Direction>& directions,
                             std::uint64_t seed) {
  std::vector<Point> points;
  for (std::size_t i = 0; i < given.size(); ++i) {
    std::vector<double> errors;
    for (const double error : given[i].errors) errors.push_back(known(error));
    points.push_back({sampler::to_losses(given[i].means, directions), std::move(errors),
                      RandomStream(seed, {given[i].identity}, "front_probability"), i});
  }
  return points;
}

// Leaves out what is certainly beaten. That changes no other probability: whoever beats it beats what it beats.
std::vector<Point> possible(std::vector<Point> points) {
  std::vector<Losses> means;
  for (const Point& point : points) means.push_back(point.means);
  const std::vector<std::size_t> ranks = sampler::non_dominated_ranks(means);
  std::vector<Point> front;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (ranks[i] == 0) front.push_back(points[i]);
  }
  std::erase_if(points, [&](const Point& point) {
    return std::any_of(front.begin(), front.end(), [&](const Point& rival) { return surely_beats(rival, point); });
  });
  return points;
}

// Finds the front of drawn values in storage that is used again for every draw.
class FrontFinder {
 public:
  explicit FrontFinder(std::size_t count) : order_(count), on_(count) {}

  // on[i]: whether no value dominates value i.
  const std::vector<bool>& find(const std::vector<Losses>& values) {
    if (values.front().size() > 2) return by_ranks(values);
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
    double best = std::numeric_limits<double>::infinity();  // last objective of all before the group
    for (std::size_t begin = 0, end = 0; begin < order_.size(); begin = end) {
      const Losses& first = values[order_[begin]];  // the best of those that share its first objective
      const bool survives = first.size() == 2 ? first[1] < best : begin == 0;
      for (end = begin; end < order_.size() && values[order_[end]].front() == first.front(); ++end) {
        on_[order_[end]] = survives && values[order_[end]] == first;
      }
      best = std::min(best, first.back());
    }
    return on_;
  }

 private:
  const std::vector<bool>& by_ranks(const std::vector<Losses>& values) {
    const std::vector<std::size_t> ranks = sampler::non_dominated_ranks(values);
    for (std::size_t i = 0; i < ranks.size(); ++i) on_[i] = ranks[i] == 0;
    return on_;
  }

  std::vector<std::size_t> order_;
  std::vector<bool> on_;
};

void draw(Point& point, Losses& values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = point.means[i];
    if (point.errors[i] > 0) values[i] += point.errors[i] * point.stream.normal();
  }
}

// Returns the slope of every value in the accuracy, the other metrics as they are.
std::vector<double> slopes_in_accuracy(const StudySettings& settings, std::map<std::string, double> metrics) {
  constexpr double kStep = 1e-4;
  const double accuracy = metrics.at("accuracy");
  metrics["accuracy"] = accuracy + kStep;
  const std::vector<double> above = score(settings, metrics).values;
  metrics["accuracy"] = accuracy - kStep;
  std::vector<double> slopes = score(settings, metrics).values;
  for (std::size_t i = 0; i < slopes.size(); ++i) slopes[i] = (above[i] - slopes[i]) / (2 * kStep);
  return slopes;
}

// Says what the values of an objective are made of beside analysis: 0 nothing, 1 accuracy alone, 2 others, too.
int noisy_parts(const Objective& objective) {
  std::vector<std::string> names;
  if (objective.kind != nullptr) names = {objective.kind->name};
  if (objective.expression) names = objective.expression->names();
  int parts = 0;
  for (const std::string& name : names) {
    const metric::MetricKind& kind = *metric::find_metric(name);
    if (kind.source == metric::Source::kAnalysis) continue;
    parts = std::max(parts, kind.name == "accuracy" ? 1 : 2);
  }
  return parts;
}

}  // namespace

double joint_error(double a, double b) {
  if (std::isnan(a)) return b;
  return std::isnan(b) ? a : std::hypot(a, b);
}

std::vector<double> sampling_errors(const StudySettings& settings, const std::map<std::string, double>& metrics,
                                    std::int64_t rows) {
  std::vector<int> parts;
  for (const Objective& objective : settings.objectives) parts.push_back(noisy_parts(objective));
  if (settings.sum_scaled_metrics) parts = {*std::max_element(parts.begin(), parts.end())};
  std::vector<double> errors;
  std::vector<double> slopes(parts.size());
  const auto accuracy = metrics.find("accuracy");
  double error = std::nan("");
  if (accuracy != metrics.end() && rows > 0) {
    const double p = std::clamp(accuracy->second, 0.0, 1.0);
    error = std::sqrt(p * (1 - p) / static_cast<double>(rows));
    slopes = slopes_in_accuracy(settings, metrics);
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    errors.push_back(parts[i] == 0 ? 0 : parts[i] == 1 ? std::abs(slopes[i]) * error : std::nan(""));
  }
  return errors;
}

std::vector<double> front_probabilities(std::span<const UncertainPoint> given, const std::vector<Direction>& directions,
                                        std::uint64_t seed, int draws) {
  std::vector<double> probabilities(given.size(), 0.0);
  if (given.empty()) return probabilities;
  std::vector<Point> points = possible(points_of(given, directions, seed));
  std::vector<Losses> values(points.size(), Losses(directions.size()));
  std::vector<int> counts(points.size(), 0);
  FrontFinder finder(points.size());
  for (int i = 0; i < draws; ++i) {
    for (std::size_t k = 0; k < points.size(); ++k) draw(points[k], values[k]);
    const std::vector<bool>& on = finder.find(values);
    for (std::size_t k = 0; k < points.size(); ++k) counts[k] += on[k] ? 1 : 0;
  }
  for (std::size_t k = 0; k < points.size(); ++k)
    probabilities[points[k].place] = static_cast<double>(counts[k]) / draws;
  return probabilities;
}

}  // namespace lathe::study
