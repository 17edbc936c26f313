#include "lathe/data/scaling.h"

#include <cmath>

namespace lathe::data {
namespace {

// Calls `call(group, value)` for all values of rows of `groups` groups of `pool` neighbours.
template <typename Number, typename Call>
void for_each_group(std::span<Number> values, std::size_t pool, std::size_t groups, Call&& call) {
  for (std::size_t at = 0, group = 0; at < values.size(); at += pool, group = group + 1 == groups ? 0 : group + 1) {
    for (std::size_t i = at; i < at + pool; ++i) call(group, values[i]);
  }
}

}  // namespace

Scaling measure_scaling(std::span<const float> values, std::int64_t columns, std::int64_t pooled) {
  const auto pool = static_cast<std::size_t>(pooled);
  const std::size_t groups = static_cast<std::size_t>(columns) / pool;
  const double count = static_cast<double>(values.size()) / static_cast<double>(groups);
  Scaling scaling{std::vector<double>(groups, 0.0), std::vector<double>(groups, 0.0), pool};
  for_each_group(values, pool, groups, [&](std::size_t group, float value) { scaling.mean[group] += value; });
  for (double& mean : scaling.mean) mean /= count;
  for_each_group(values, pool, groups, [&](std::size_t group, float value) {
    const double distance = value - scaling.mean[group];
    scaling.deviation[group] += distance * distance;
  });
  for (std::size_t group = 0; group < groups; ++group) {
    double& deviation = scaling.deviation[group];
    deviation = std::sqrt(deviation / count);
    // The mean of equal values is off by rounding at most: such a column is constant.
    if (deviation <= 1e-12 * std::abs(scaling.mean[group])) deviation = 1.0;
    if (deviation == 0.0) deviation = 1.0;
  }
  return scaling;
}

void apply_scaling(const Scaling& scaling, std::span<float> values) {
  if (scaling.empty()) return;
  for_each_group(values, scaling.pooled, scaling.mean.size(), [&](std::size_t group, float& value) {
    value = static_cast<float>((value - scaling.mean[group]) / scaling.deviation[group]);
  });
}

void undo_scaling(const Scaling& scaling, std::span<float> values) {
  if (scaling.empty()) return;
  for_each_group(values, scaling.pooled, scaling.mean.size(), [&](std::size_t group, float& value) {
    value = static_cast<float>(value * scaling.deviation[group] + scaling.mean[group]);
  });
}

}  // namespace lathe::data
