#include "lathe/trial/trial_metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/base/check.h"
#include "lathe/base/profile.h"

namespace lathe::trial {

TrialMetrics::TrialMetrics(const recipe::StudySettings& settings, bool of_tokens)
    : needed_(recipe::metrics_needed(settings)), of_tokens_(of_tokens) {
  for (const metric::MetricKind* kind : needed_) {
    if (kind->source != metric::Source::kMeasured) continue;
    (kind->needs_training ? measures_training_ : measures_latency_) = true;
  }
}

bool TrialMetrics::is_needed(const metric::MetricKind& kind) const {
  return std::find(needed_.begin(), needed_.end(), &kind) != needed_.end();
}

// Tells whether a metric that the study does not need is computed all the same.
bool TrialMetrics::is_wanted(const metric::MetricKind& kind) const {
  const bool is_cheap = kind.source == metric::Source::kAnalysis || kind.source == metric::Source::kEvaluated;
  return is_cheap && (!kind.of_tokens || of_tokens_);
}

std::string TrialMetrics::compute(const metric::TrialFacts& facts, Evaluation& evaluation) const {
  const PhaseScope phase(Phase::kCost);
  std::string reason;
  for (const metric::MetricKind& kind : metric::metric_kinds()) {
    const bool needed = is_needed(kind);
    if (!needed && !is_wanted(kind)) continue;
    const std::optional<double> value = kind.compute(facts);
    if (value && (needed || std::isfinite(*value))) evaluation.metrics[kind.name] = *value;
    if (!needed) continue;
    LATHE_CHECK(value.has_value(), "metric {}", kind.name);
    if (!std::isfinite(*value)) reason = fmt::format("the metric {} is not finite", kind.name);
    if (kind.source == metric::Source::kMeasured && facts.latency_seconds && !kind.needs_training)
      evaluation.spreads[kind.name] = facts.latency_seconds->spread;
  }
  return reason;
}

}  // namespace lathe::trial
