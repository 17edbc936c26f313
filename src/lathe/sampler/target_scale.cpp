#include "lathe/sampler/target_scale.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace lathe::sampler {
namespace {

constexpr double kLeastScale = 1e-300;
constexpr double kBadShare = 0.9;

double quantile(std::vector<double> values, double share) {
  const auto rank = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + rank, values.end());
  return values[static_cast<std::size_t>(rank)];
}

/// Puts the nearest finite value in the place of infinite ones; 0 when there is none.
std::vector<double> finite(std::span<const double> values) {
  std::vector<double> known;
  std::copy_if(values.begin(), values.end(), std::back_inserter(known),
               [](double value) { return std::isfinite(value); });
  if (known.empty()) return std::vector<double>(values.size(), 0.0);
  const auto [least, most] = std::minmax_element(known.begin(), known.end());
  std::vector<double> list;
  for (const double value : values) list.push_back(std::clamp(value, *least, *most));
  return list;
}

void standardise(std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (double& value : values) {
    value -= mean;
    squares += value * value;
  }
  const double deviation = std::sqrt(squares / count);
  if (!(deviation > 0)) return;
  for (double& value : values) value /= deviation;
}

}  // namespace

std::vector<double> loss_targets(std::span<const double> losses) {
  std::vector<double> targets = finite(losses);
  if (targets.empty()) return targets;
  const double least = *std::min_element(targets.begin(), targets.end());
  const double most = *std::max_element(targets.begin(), targets.end());
  double scale = quantile(targets, kBadShare) - least;
  if (!(scale > 0)) scale = most - least;
  for (double& target : targets) target = std::log1p((target - least) / std::max(scale, kLeastScale));
  standardise(targets);
  return targets;
}

std::vector<double> constraint_targets(std::span<const double> values) {
  std::vector<double> targets = finite(values);
  if (targets.empty()) return targets;
  std::vector<double> sizes;
  for (const double target : targets) sizes.push_back(std::abs(target));
  double scale = quantile(sizes, 0.5);
  if (!(scale > 0)) scale = std::max(*std::max_element(sizes.begin(), sizes.end()), kLeastScale);
  for (double& target : targets) target = std::asinh(target / scale);
  return targets;
}

}  // namespace lathe::sampler
