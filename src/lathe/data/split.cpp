#include "lathe/data/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/base/check.h"
#include "lathe/base/error.h"
#include "lathe/base/random.h"

namespace lathe::data {
std::int64_t validation_count(std::int64_t rows, const DatasetRequest& request) {
  if (request.validation_rows) {
    const std::int64_t wanted = *request.validation_rows;
    if (wanted < 1 || wanted >= rows) {
      throw UserError("validation_rows", fmt::format("must be between 1 and {} (there are {} training rows); got {}",
                                                     rows - 1, rows, wanted));
    }
    return wanted;
  }
  const double fraction = request.validation_fraction;
  if (!(fraction > 0.0 && fraction < 1.0)) {
    throw UserError("validation_fraction", fmt::format("must be in (0, 1); got {}", fraction));
  }
  if (rows < 2) throw UserError(fmt::format("{} training row cannot be split into training and validation", rows));
  const std::int64_t count = std::llround(static_cast<double>(rows) * fraction);
  return std::clamp<std::int64_t>(count, 1, rows - 1);
}

Rows random_rows(std::int64_t rows, std::uint64_t seed, std::string_view purpose) {
  LATHE_CHECK(rows <= std::numeric_limits<std::uint32_t>::max(), "{} rows", rows);
  Rows order(static_cast<std::size_t>(rows));
  RandomStream stream(seed, {static_cast<std::uint64_t>(rows)}, purpose);
  random_permutation(stream, order);
  return order;
}

TrainValidationRows split_training_rows(std::int64_t rows, const DatasetRequest& request, bool own_validation_part) {
  const std::int64_t validating = own_validation_part ? 0 : validation_count(rows, request);
  if (request.max_train_rows && *request.max_train_rows < 1) {
    throw UserError("max_train_rows", fmt::format("must be at least 1; got {}", *request.max_train_rows));
  }
  const Rows order = random_rows(rows, request.seed, "validation_split");
  const std::int64_t training = std::min(rows - validating, request.max_train_rows.value_or(rows));
  const auto middle = order.begin() + validating;
  return {.train = Rows(middle, middle + training), .validation = Rows(order.begin(), middle)};
}

std::pair<Rows, Rows> split_test_rows(std::int64_t rows) {
  constexpr std::uint64_t kFixedSeed = 42;  // part of every published result: do not change
  Rows order = random_rows(rows, kFixedSeed, "test_split");
  const auto middle = order.begin() + (rows + 4) / 5;
  Rows test(order.begin(), middle);
  Rows train(middle, order.end());
  std::sort(test.begin(), test.end());
  std::sort(train.begin(), train.end());
  return {std::move(train), std::move(test)};
}

namespace {

// Copies the named rows of [rows, width] values.
template <typename Number>
std::vector<Number> take_values(const std::vector<Number>& values, std::int64_t columns, const Rows& rows) {
  const auto width = static_cast<std::size_t>(columns);
  std::vector<Number> taken(rows.size() * width);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto from = values.begin() + static_cast<std::ptrdiff_t>(rows[i] * width);
    std::copy_n(from, width, taken.begin() + static_cast<std::ptrdiff_t>(i * width));
  }
  return taken;
}

// Calls `call(group, value)` for all values of rows of `groups` groups of `pool` neighbours.
template <typename Number, typename Call>
void for_each_group(std::span<Number> values, std::size_t pool, std::size_t groups, Call&& call) {
  for (std::size_t at = 0, group = 0; at < values.size(); at += pool, group = group + 1 == groups ? 0 : group + 1) {
    for (std::size_t i = at; i < at + pool; ++i) call(group, values[i]);
  }
}

}  // namespace

Samples take_rows(const Samples& samples, const Rows& rows) {
  Samples taken{.width = samples.width, .features = {}, .labels = {}, .outputs = samples.outputs};
  taken.shape = samples.shape;
  taken.positions = samples.positions;
  taken.features = take_values(samples.features, samples.width, rows);
  taken.targets = take_values(samples.targets, samples.outputs, rows);
  if (samples.outputs == 0) taken.labels = take_values(samples.labels, samples.positions, rows);
  return taken;
}

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
  for_each_group(values, scaling.pooled, scaling.mean.size(), [&](std::size_t group, float& value) {
    value = static_cast<float>((value - scaling.mean[group]) / scaling.deviation[group]);
  });
}

}  // namespace lathe::data
