#include "lathe/study/variance_prior.h"

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

}  // namespace lathe::study
