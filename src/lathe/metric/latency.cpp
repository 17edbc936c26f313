#include <algorithm>
#include <chrono>
#include <cmath>

#include "lathe/base/check.h"
#include "lathe/metric/metric.h"

namespace lathe::metric {
namespace {

constexpr double kWarmUpSeconds = 2e-3;
constexpr double kRunSeconds = 1e-3;

using Clock = std::function<double()>;

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double seconds_of(engine::Session& session, const data::Samples& samples, std::int64_t rows, std::int64_t times,
                  const Clock& clock) {
  const double start = clock();
  for (std::int64_t i = 0; i < times; ++i) session.evaluate(samples, 0, rows);
  return clock() - start;
}

/// Repeats the rows until there is one whole batch.
data::Samples whole_batch(const data::Samples& samples, std::int64_t batch_size) {
  data::Samples batch;
  batch.width = samples.width;
  batch.outputs = samples.outputs;
  batch.shape = samples.shape;
  batch.positions = samples.positions;
  for (std::int64_t row = 0; row < batch_size; ++row) {
    const std::int64_t source = row % samples.rows();
    const auto first = samples.features.begin() + source * samples.width;
    batch.features.insert(batch.features.end(), first, first + samples.width);
    const auto label = samples.labels.begin() + source * samples.positions;
    if (samples.outputs == 0) batch.labels.insert(batch.labels.end(), label, label + samples.positions);
    const auto target = samples.targets.begin() + source * samples.outputs;
    batch.targets.insert(batch.targets.end(), target, target + samples.outputs);
  }
  return batch;
}

/// Warms up and returns how often a batch must be evaluated to fill one timed run.
std::int64_t calls_per_run(engine::Session& session, const data::Samples& samples, std::int64_t rows,
                           const Clock& clock) {
  std::int64_t calls = 1;
  double seconds = seconds_of(session, samples, rows, calls, clock);
  for (double spent = seconds; spent < kWarmUpSeconds || seconds < kRunSeconds; spent += seconds) {
    if (seconds < kRunSeconds) calls *= 2;
    seconds = seconds_of(session, samples, rows, calls, clock);
  }
  return calls;
}

/// Returns a quantile of sorted values by linear interpolation.
double quantile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto low = static_cast<std::size_t>(place);
  const std::size_t high = std::min(low + 1, sorted.size() - 1);
  return sorted[low] + (place - std::floor(place)) * (sorted[high] - sorted[low]);
}

}  // namespace

Measurement measure_latency(engine::Session& session, const data::Samples& samples, std::int64_t batch_size,
                            int repeats, const Clock& given_clock) {
  LATHE_CHECK(samples.rows() > 0 && batch_size > 0 && repeats > 0, "{} rows, batch {}", samples.rows(), batch_size);
  const data::Samples filled = samples.rows() < batch_size ? whole_batch(samples, batch_size) : data::Samples{};
  const data::Samples& batch = samples.rows() < batch_size ? filled : samples;
  const Clock clock = given_clock ? given_clock : steady_seconds;
  const std::int64_t calls = calls_per_run(session, batch, batch_size, clock);
  std::vector<double> seconds;
  for (int i = 0; i < repeats; ++i) {
    seconds.push_back(seconds_of(session, batch, batch_size, calls, clock) / static_cast<double>(calls));
  }
  std::sort(seconds.begin(), seconds.end());
  const double median = quantile(seconds, 0.5);
  return {.median = median, .spread = (quantile(seconds, 0.75) - quantile(seconds, 0.25)) / median, .count = repeats};
}

}  // namespace lathe::metric
