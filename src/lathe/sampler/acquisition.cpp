#include "lathe/sampler/acquisition.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace lathe::sampler {
namespace {

/// Below this the series in 1/z^2 is exact to double precision.
constexpr double kTail = -25;
constexpr double kCertain = 9;
constexpr double kImpossible = 13;
constexpr std::size_t kDraws = 32;
constexpr double kAugmentation = 0.05;
constexpr double kSoftness = 0.01;
const double kLogRootTwoPi = 0.5 * std::log(2 * std::numbers::pi);

double log_density(double z) { return -0.5 * z * z - kLogRootTwoPi; }

/// Returns phi(z) + z Phi(z): the expected part of a standard normal variable below z.
double mean_below(double z) { return normal_density(z) + z * normal_cdf(z); }

double log_mean_below(double z) {
  if (z > kTail) return std::log(mean_below(z));
  const double square = 1 / (z * z);
  return log_density(z) + std::log(square * (1 - square * (3 - square * (15 - square * 105))));
}

}  // namespace

double normal_density(double z) { return std::exp(log_density(z)); }
double normal_cdf(double z) { return 0.5 * std::erfc(-z * std::numbers::sqrt2 / 2); }

double log_normal_cdf(double z) {
  if (z > kTail) return std::log(normal_cdf(z));
  const double square = 1 / (z * z);
  return log_density(z) - std::log(-z) + std::log1p(-square * (1 - square * (3 - square * 15)));
}

double log_expected_improvement(double mean, double deviation, double best) {
  return std::log(deviation) + log_mean_below((best - mean) / deviation);
}

ExpectedHypervolume::ExpectedHypervolume(std::vector<Point> points, Point reference) : reference_(reference) {
  std::sort(points.begin(), points.end());
  double least = reference.second;
  for (const Point& point : points) {
    if (point.first >= reference.first || point.second >= least) continue;
    front_.push_back(point);
    least = point.second;
  }
}

double ExpectedHypervolume::log_improvement(const Normal& first, const Normal& second) const {
  // Most strips are many deviations away, where the answer is known to double precision.
  const auto mean_part = [](double z) { return z > kCertain ? z : z < -kImpossible ? 0 : mean_below(z); };
  // Strip i lies between the first objectives of points i - 1 and i and below the second objective of point i - 1.
  const auto below = [&](double bound, const Normal& normal) {
    return normal.deviation * mean_part((bound - normal.mean) / normal.deviation);
  };
  double total = 0;
  double before = 0;  // expected width up to the strip's left side; 0 at minus infinity
  for (std::size_t i = 0; i <= front_.size(); ++i) {
    const double right = i < front_.size() ? front_[i].first : reference_.first;
    const double top = i == 0 ? reference_.second : front_[i - 1].second;
    const double width = below(right, first);
    total += (width - before) * below(top, second);
    before = width;
  }
  return std::log(std::max(total, std::numeric_limits<double>::min()));
}

ExpectedScalarImprovement::ExpectedScalarImprovement(const std::vector<std::vector<double>>& points,
                                                     RandomStream& stream)
    : best_(std::numeric_limits<double>::infinity()) {
  const std::size_t objectives = points.front().size();
  double total = 0;
  for (std::size_t i = 0; i < objectives; ++i) {
    weights_.push_back(-std::log(1 - stream.uniform()));
    total += weights_.back();
  }
  for (double& weight : weights_) weight /= total;
  draws_.resize(kDraws, std::vector<double>(objectives));
  for (auto& draw : draws_) {
    for (double& number : draw) number = stream.normal();
  }
  for (const auto& point : points) best_ = std::min(best_, scalar(point));
}

double ExpectedScalarImprovement::scalar(std::span<const double> objectives) const {
  double largest = -std::numeric_limits<double>::infinity();
  double sum = 0;
  for (std::size_t i = 0; i < objectives.size(); ++i) {
    largest = std::max(largest, weights_[i] * objectives[i]);
    sum += weights_[i] * objectives[i];
  }
  return largest + kAugmentation * sum;
}

double ExpectedScalarImprovement::log_improvement(std::span<const Normal> objectives) const {
  std::vector<double> values(objectives.size());
  double total = 0;
  for (const auto& draw : draws_) {
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = objectives[i].mean + objectives[i].deviation * draw[i];
    const double gain = (best_ - scalar(values)) / kSoftness;
    total += gain > 30 ? gain : std::log1p(std::exp(gain));
  }
  return std::log(std::max(total * kSoftness / kDraws, std::numeric_limits<double>::min()));
}

}  // namespace lathe::sampler
