#include "lathe/sampler/trainability.h"

#include <algorithm>
#include <cmath>

#include "lathe/sampler/failed_region.h"
#include "lathe/sampler/target_scale.h"

namespace lathe::sampler {
namespace {

/// Values of the modelled constraint, which is met where at most 0.
constexpr double kTrained = -1;
constexpr double kFailed = 1;
/// What the process does not know of a step beside its observations, and how far it keeps off where all recent points
/// failed; an observation lies at asinh(1) = 0.88 from the step.
constexpr double kStepDeviation = 0.3;
constexpr double kMargin = 0.5;
constexpr std::size_t kRecent = 20;
/// Points with a smaller probability are left out while there are others: what they lack counts to this power.
constexpr double kEnough = 0.7;
constexpr double kSteepness = 1000;

}  // namespace

Trainability::Trainability(const parameter::Space& space, const Embedding& embedding, std::size_t capacity)
    : surrogate_(space, embedding, constraint_targets, capacity) {}

void Trainability::tell(const FinishedTrial& trial, const std::vector<double>& places) {
  const std::optional<bool> trainable = is_trainable(trial);
  if (!trainable) return;
  surrogate_.add(places, {*trainable ? kTrained : kFailed});
  any_failed_ |= !*trainable;
  recent_.push_back(!*trainable);
  if (recent_.size() > kRecent) recent_.pop_front();
}

double Trainability::log_weight(const Normal& prediction) const {
  const auto failed = static_cast<double>(std::count(recent_.begin(), recent_.end(), true));
  const double margin = kMargin * failed / static_cast<double>(recent_.size());
  const double deviation = std::hypot(prediction.deviation, kStepDeviation);
  const double log_probability = log_normal_cdf(-(prediction.mean + margin) / deviation);
  return log_probability + kSteepness * std::min(0.0, log_probability - std::log(kEnough));
}

}  // namespace lathe::sampler
