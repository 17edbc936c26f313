#include "lathe/trial/repeats.h"

#include <cmath>

#include "lathe/metric/metric.h"

namespace lathe::trial {

RepeatSummary summarise_repeats(std::span<const std::map<std::string, double>> repeats) {
  RepeatSummary summary;
  const auto count = static_cast<double>(repeats.size());
  for (const auto& [name, first] : repeats.front()) {
    const metric::MetricKind* kind = metric::find_metric(name);
    if (kind != nullptr && kind->source == metric::Source::kAnalysis) {
      summary.means[name] = first;
      continue;
    }
    double sum = 0;
    for (const auto& metrics : repeats) sum += metrics.at(name);
    const double mean = sum / count;
    summary.means[name] = mean;
    if (repeats.size() < 2) continue;
    double squares = 0;
    for (const auto& metrics : repeats) squares += (metrics.at(name) - mean) * (metrics.at(name) - mean);
    summary.standard_errors[name] = std::sqrt(squares / (count - 1) / count);
  }
  return summary;
}

}  // namespace lathe::trial
