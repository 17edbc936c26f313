#pragma once

#include <string>
#include <vector>

#include "lathe/metric/metric.h"
#include "lathe/recipe/study_settings.h"
#include "lathe/trial/evaluation.h"

namespace lathe::trial {

/// Computes the metrics of a study's trials from what they have produced. Thread safe.
class TrialMetrics {
 public:
  /// `of_tokens`: the study is of a language model.
  TrialMetrics(const recipe::StudySettings& settings, bool of_tokens);

  /// Tells whether the study needs the time of a batch, or that of training.
  bool measures_latency() const { return measures_latency_; }
  bool measures_training() const { return measures_training_; }

  /// Puts all metrics that the facts give into an evaluation; returns the reason when one that the study needs is not
  /// finite.
  std::string compute(const metric::TrialFacts& facts, Evaluation& evaluation) const;

 private:
  bool is_needed(const metric::MetricKind& kind) const;
  bool is_wanted(const metric::MetricKind& kind) const;

  std::vector<const metric::MetricKind*> needed_;
  bool of_tokens_;
  bool measures_latency_ = false, measures_training_ = false;
};

}  // namespace lathe::trial
