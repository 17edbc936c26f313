#include "lathe/data/split.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/base/check.h"
#include "lathe/base/error.h"
#include "lathe/base/random.h"

namespace lathe::data {
namespace {

Rows permutation(std::int64_t rows, std::uint64_t seed, std::string_view purpose) {
  LATHE_CHECK(rows <= std::numeric_limits<std::uint32_t>::max(), "{} rows", rows);
  Rows order(static_cast<std::size_t>(rows));
  RandomStream stream(seed, {static_cast<std::uint64_t>(rows)}, purpose);
  random_permutation(stream, order);
  return order;
}

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

}  // namespace

TrainValidationRows split_training_rows(std::int64_t rows, const DatasetRequest& request, bool own_validation_part) {
  const std::int64_t validating = own_validation_part ? 0 : validation_count(rows, request);
  if (request.max_train_rows && *request.max_train_rows < 1) {
    throw UserError("max_train_rows", fmt::format("must be at least 1; got {}", *request.max_train_rows));
  }
  const Rows order = permutation(rows, request.seed, "validation_split");
  const std::int64_t training = std::min(rows - validating, request.max_train_rows.value_or(rows));
  const auto middle = order.begin() + validating;
  return {.train = Rows(middle, middle + training), .validation = Rows(order.begin(), middle)};
}

std::pair<Rows, Rows> split_test_rows(std::int64_t rows) {
  constexpr std::uint64_t kFixedSeed = 42;  // part of every published result: do not change
  Rows order = permutation(rows, kFixedSeed, "test_split");
  const auto middle = order.begin() + (rows + 4) / 5;
  Rows test(order.begin(), middle);
  Rows train(middle, order.end());
  std::sort(test.begin(), test.end());
  std::sort(train.begin(), train.end());
  return {std::move(train), std::move(test)};
}

Samples take_rows(const Samples& samples, const Rows& rows) {
  Samples taken{.width = samples.width, .features = {}, .labels = {}};
  const auto width = static_cast<std::size_t>(samples.width);
  taken.features.resize(rows.size() * width);
  taken.labels.resize(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto from = samples.features.begin() + static_cast<std::ptrdiff_t>(rows[i] * width);
    std::copy_n(from, width, taken.features.begin() + static_cast<std::ptrdiff_t>(i * width));
    taken.labels[i] = samples.labels[rows[i]];
  }
  return taken;
}

Scaling measure_scaling(const Samples& samples) {
  const auto width = static_cast<std::size_t>(samples.width);
  const auto count = static_cast<double>(samples.rows());
  Scaling scaling{.mean = std::vector<double>(width, 0.0), .deviation = std::vector<double>(width, 0.0)};
  for (std::size_t i = 0; i < samples.features.size(); ++i) scaling.mean[i % width] += samples.features[i];
  for (double& mean : scaling.mean) mean /= count;
  for (std::size_t i = 0; i < samples.features.size(); ++i) {
    const double distance = samples.features[i] - scaling.mean[i % width];
    scaling.deviation[i % width] += distance * distance;
  }
  for (std::size_t column = 0; column < width; ++column) {
    double& deviation = scaling.deviation[column];
    deviation = std::sqrt(deviation / count);
    // The mean of equal values is off by rounding at most: such a column is constant.
    if (deviation <= 1e-12 * std::abs(scaling.mean[column])) deviation = 1.0;
    if (deviation == 0.0) deviation = 1.0;
  }
  return scaling;
}

void apply_scaling(const Scaling& scaling, Samples& samples) {
  const auto width = static_cast<std::size_t>(samples.width);
  for (std::size_t row = 0; row < samples.labels.size(); ++row) {
    float* values = samples.features.data() + row * width;
    for (std::size_t column = 0; column < width; ++column) {
      values[column] = static_cast<float>((values[column] - scaling.mean[column]) / scaling.deviation[column]);
    }
  }
}

}  // namespace lathe::data
