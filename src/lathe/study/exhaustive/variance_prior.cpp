#include "lathe/study/exhaustive/variance_prior.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>

namespace lathe::study {
namespace {

constexpr double kMostDegrees = 4;
constexpr double kLeastDegrees = 1;
constexpr std::size_t kFewestSamples = 8;
constexpr double kFloor = 1e-5;  // of the median variance

struct Sample {
  double variance, degrees;
  auto operator<=>(const Sample&) const = default;
};

std::vector<Sample> samples_of(const std::vector<double>& squares, const std::vector<double>& degrees) {
  std::vector<Sample> samples;
  for (std::size_t i = 0; i < squares.size(); ++i)
    if (degrees[i] > 0) samples.push_back({squares[i] / degrees[i], degrees[i]});
  std::sort(samples.begin(), samples.end());
  return samples;
}

VariancePrior pooled(const std::vector<Sample>& samples) {
  double squares = 0, degrees = 0;
  for (const Sample& sample : samples) {
    squares += sample.variance * sample.degrees;
    degrees += sample.degrees;
  }
  return {degrees > 0 ? squares / degrees : 0, std::min(kMostDegrees, degrees)};
}

// Solves trigamma(x) = y for y > 0; trigamma falls.
double inverse_trigamma(double y) {
  double low = 1e-6, high = 1e6;
  for (int i = 0; i < 100; ++i) {
    const double middle = std::sqrt(low * high);
    (trigamma(middle) > y ? low : high) = middle;
  }
  return std::sqrt(low * high);
}

// Holds the logarithm of a sample's variance, freed of the bias of its degrees of freedom, by the sample's mean.
struct LogSample {
  double mean, log, degrees;
  auto operator<=>(const LogSample&) const = default;
};

double unbiased_log(double variance, double degrees) {
  return std::log(variance) - digamma(degrees / 2) + std::log(degrees / 2);
}

// Fits lines to (place, value), weighted around each of a grid of places in [0, 1], and joins them.
class Trend {
 public:
  explicit Trend(const std::vector<LogSample>& samples) {
    for (std::size_t k = 0; k <= kGrid; ++k) fit(samples, static_cast<double>(k) / kGrid);
  }
  double value(double place) const { return at(values_, place); }
  /// Returns how much a sample at a place weighs in the value there.
  double leverage(double place) const { return at(leverages_, place); }

 private:
  static constexpr std::size_t kGrid = 50;
  static constexpr double kWidth = 0.1;

  void fit(const std::vector<LogSample>& samples, double place) {
    double weights = 0, first = 0, second = 0, values = 0, products = 0;
    for (std::size_t i = 0; i < samples.size(); ++i) {
      const double z = static_cast<double>(i) / static_cast<double>(samples.size()) - place;
      const double weight = std::exp(-0.5 * z * z / (kWidth * kWidth));
      weights += weight;
      first += weight * z;
      second += weight * z * z;
      values += weight * samples[i].log;
      products += weight * z * samples[i].log;
    }
    const double determinant = weights * second - first * first;
    values_.push_back((second * values - first * products) / determinant);
    leverages_.push_back(second / determinant);
  }

  static double at(const std::vector<double>& grid, double place) {
    const double position = std::clamp(place, 0.0, 1.0) * kGrid;
    const std::size_t below = std::min(static_cast<std::size_t>(position), kGrid - 1);
    const double share = position - static_cast<double>(below);
    return (1 - share) * grid[below] + share * grid[below + 1];
  }

  std::vector<double> values_, leverages_;
};

// Returns the degrees of freedom of the prior around the trend.
double degrees_around(const Trend& trend, const std::vector<LogSample>& samples) {
  constexpr double kMost = 50;
  double squares = 0, expected = 0, freedom = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double place = static_cast<double>(i) / static_cast<double>(samples.size());
    const double rest = samples[i].log - trend.value(place);
    squares += rest * rest;
    expected += trigamma(samples[i].degrees / 2);
    freedom += 1 - trend.leverage(place);
  }
  const double excess = squares / freedom - expected / static_cast<double>(samples.size());
  return excess > 0 ? std::clamp(2 * inverse_trigamma(excess), kLeastDegrees, kMost) : kMost;
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

double digamma(double x) {
  double sum = 0;
  for (; x < 10; ++x) sum -= 1 / x;
  const double y = 1 / (x * x);
  return sum + std::log(x) - 0.5 / x - y * (1.0 / 12 - y * (1.0 / 120 - y * (1.0 / 252 - y / 240)));
}

double trigamma(double x) {
  double sum = 0;
  for (; x < 10; ++x) sum += 1 / (x * x);
  const double y = 1 / (x * x);
  return sum + 1 / x + y / 2 + y / x * (1.0 / 6 - y * (1.0 / 30 - y * (1.0 / 42 - y / 30)));
}

VariancePrior fit_variance_prior(const std::vector<double>& squares, const std::vector<double>& degrees) {
  const std::vector<Sample> samples = samples_of(squares, degrees);
  if (samples.size() < kFewestSamples) return pooled(samples);
  const double floor = kFloor * samples[samples.size() / 2].variance;
  if (!(floor > 0)) return pooled(samples);
  std::vector<double> logs, expected;
  for (const Sample& sample : samples) {
    const double half = sample.degrees / 2;
    logs.push_back(std::log(std::max(sample.variance, floor)) - digamma(half) + std::log(half));
    expected.push_back(trigamma(half));
  }
  const double center = mean(logs);
  double spread = 0;
  for (const double value : logs) spread += (value - center) * (value - center);
  const double excess = spread / static_cast<double>(logs.size() - 1) - mean(expected);
  if (!(excess > 0)) return {std::exp(center), kMostDegrees};
  const double half = inverse_trigamma(excess);
  return {std::exp(center + digamma(half) - std::log(half)), std::clamp(2 * half, kLeastDegrees, kMostDegrees)};
}

std::vector<VariancePrior> fit_variance_trend(const std::vector<double>& squares, const std::vector<double>& degrees,
                                              const std::vector<double>& means) {
  constexpr std::size_t kFewestForTrend = 30;
  const std::vector<Sample> samples = samples_of(squares, degrees);
  const double floor = samples.empty() ? 0 : kFloor * samples[samples.size() / 2].variance;
  if (samples.size() < kFewestForTrend || !(floor > 0))
    return std::vector<VariancePrior>(means.size(), fit_variance_prior(squares, degrees));
  std::vector<LogSample> logs;
  for (std::size_t i = 0; i < means.size(); ++i)
    if (degrees[i] > 0)
      logs.push_back({means[i], unbiased_log(std::max(squares[i] / degrees[i], floor), degrees[i]), degrees[i]});
  std::sort(logs.begin(), logs.end());
  const Trend trend(logs);
  const double prior_degrees = degrees_around(trend, logs);
  const double shift = digamma(prior_degrees / 2) - std::log(prior_degrees / 2);
  std::vector<VariancePrior> priors;
  for (const double mean : means) {
    const auto place = std::lower_bound(logs.begin(), logs.end(), mean,
                                        [](const LogSample& sample, double value) { return sample.mean < value; });
    const double rank = static_cast<double>(place - logs.begin()) / static_cast<double>(logs.size());
    priors.push_back({std::exp(trend.value(rank) + shift), prior_degrees});
  }
  return priors;
}

}  // namespace lathe::study
