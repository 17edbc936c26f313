#include "lathe/metric/declare.h"

namespace lathe::metric {
namespace {

template <auto kRead>
Value trained(const TrialFacts& facts) {
  return facts.training == nullptr ? Value() : Value(kRead(*facts.training));
}

Value latency_ms(const TrialFacts& facts) {
  return facts.latency_seconds ? Value(1e3 * facts.latency_seconds->median) : Value();
}

Value latency_per_sample_us(const TrialFacts& facts) {
  if (!facts.latency_seconds) return {};
  return 1e6 * facts.latency_seconds->median / static_cast<double>(facts.batch_size);
}

}  // namespace

MetricKind latency_metric() {
  return measured_metric("latency", {"latency_ms", "latency_per_batch"}, "ms",
                         "time to evaluate one batch of batch_size rows, median", false, latency_ms);
}

MetricKind latency_per_sample_metric() {
  return measured_metric("latency_per_sample", {"latency_us"}, "us", "latency divided by the batch size", false,
                         latency_per_sample_us);
}

MetricKind training_time_metric() {
  return measured_metric("training_time", {"train_time"}, "s", "wall time of training", true,
                         trained<[](const Training& report) { return report.wall_seconds; }>);
}

MetricKind training_cpu_time_metric() {
  return measured_metric("training_cpu_time", {"train_cpu_time"}, "s", "processor time of training", true,
                         trained<[](const Training& report) { return report.cpu_seconds; }>);
}

}  // namespace lathe::metric
