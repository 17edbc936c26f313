#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "engine/fake_session.h"
#include "lathe/metric/metric.h"

namespace lathe::metric {
namespace {

/// Takes a known time for each evaluation, by a clock of its own.
class SlowSession : public engine::FakeSession {
 public:
  engine::EvaluationResult evaluate(const data::Samples& samples, std::int64_t first, std::int64_t count) override {
    rows_seen = std::max(rows_seen, count);
    enough_rows = enough_rows && first + count <= samples.rows();
    ++calls_seen;
    now += calls_seen % 2 == 0 ? 300e-6 : 100e-6;
    return FakeSession::evaluate(samples, first, count);
  }
  std::function<double()> clock() {
    return [this] { return now; };
  }
  double now = 1000;
  std::int64_t rows_seen = 0;
  std::int64_t calls_seen = 0;
  bool enough_rows = true;
};

data::Samples rows(std::int64_t count) {
  data::Samples samples;
  samples.width = 2;
  samples.features.assign(static_cast<std::size_t>(2 * count), 1.0F);
  samples.labels.assign(static_cast<std::size_t>(count), 0);
  return samples;
}

TEST(MeasureLatency, FindsTheTimeOfABatch) {
  SlowSession session;
  const Measurement measurement = measure_latency(session, rows(100), 64, 5, session.clock());
  EXPECT_NEAR(measurement.median, 200e-6, 1e-9);
  EXPECT_NEAR(measurement.spread, 0, 1e-6);
  EXPECT_EQ(measurement.count, 5);
  EXPECT_EQ(session.rows_seen, 64);
  EXPECT_EQ(session.calls_seen, 1 + 2 + 4 + 8 + 5 * 8) << "each run must last a millisecond";
}

TEST(MeasureLatency, FillsABatchFromFewRows) {
  SlowSession session;
  measure_latency(session, rows(3), 64, 3, session.clock());
  EXPECT_EQ(session.rows_seen, 64);
  EXPECT_TRUE(session.enough_rows);
}

}  // namespace
}  // namespace lathe::metric
