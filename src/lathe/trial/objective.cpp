#include "lathe/trial/objective.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lathe/trial/constraint.h"

namespace lathe::trial {
namespace {

// NaN where a metric is absent, as trials of other programs may lack some.
double value_of(const recipe::Objective& objective, const std::map<std::string, double>& metrics) {
  std::vector<std::string> names;
  if (objective.kind != nullptr) names = {objective.kind->name};
  if (objective.expression) names = objective.expression->names();
  for (const std::string& name : names) {
    if (!metrics.contains(name)) return std::nan("");
  }
  return objective.kind != nullptr ? metrics.at(objective.kind->name) : objective.expression->evaluate(metrics);
}

}  // namespace

Scores score(const recipe::StudySettings& settings, const std::map<std::string, double>& metrics) {
  Scores scores;
  double sum = 0;
  for (const recipe::Objective& objective : settings.objectives) {
    const double scaled = objective.scale * value_of(objective, metrics);
    scores.scaled[objective.name] = scaled;
    sum += scaled;
    if (!settings.sum_scaled_metrics) scores.values.push_back(scaled);
    if (!std::isfinite(scaled)) scores.reason = fmt::format("the objective {} is not finite", objective.name);
  }
  if (settings.sum_scaled_metrics) scores.values = {sum};
  return scores;
}

std::vector<double> raced_values(const recipe::StudySettings& settings, const std::map<std::string, double>& metrics) {
  std::vector<double> values = score(settings, metrics).values;
  const std::vector<double> violations = constraint_values(trained_constraints(settings.constraints), metrics);
  values.insert(values.end(), violations.begin(), violations.end());
  return values;
}

std::vector<double> slopes_in(const recipe::StudySettings& settings, std::map<std::string, double> metrics,
                              const std::string& name) {
  const double here = metrics.at(name);
  const double step = 1e-4 * std::max(std::abs(here), 1e-2);
  metrics[name] = here + step;
  const std::vector<double> above = raced_values(settings, metrics);
  metrics[name] = here - step;
  std::vector<double> slopes = raced_values(settings, metrics);
  for (std::size_t i = 0; i < slopes.size(); ++i) slopes[i] = (above[i] - slopes[i]) / (2 * step);
  return slopes;
}

}  // namespace lathe::trial
