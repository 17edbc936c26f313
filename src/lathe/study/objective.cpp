#include "lathe/study/objective.h"

#include <fmt/format.h>

#include <cmath>

namespace lathe::study {

Scores score(const StudySettings& settings, const std::map<std::string, double>& metrics) {
  Scores scores;
  double sum = 0;
  for (const Objective& objective : settings.objectives) {
    const double value =
        objective.kind != nullptr ? metrics.at(objective.kind->name) : objective.expression->evaluate(metrics);
    const double scaled = objective.scale * value;
    scores.scaled[objective.name] = scaled;
    sum += scaled;
    if (!settings.sum_scaled_metrics) scores.values.push_back(scaled);
    if (!std::isfinite(scaled)) scores.reason = fmt::format("the objective {} is not finite", objective.name);
  }
  if (settings.sum_scaled_metrics) scores.values = {sum};
  return scores;
}

}  // namespace lathe::study
