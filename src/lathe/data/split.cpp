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

}  // namespace lathe::data
