#include "lathe/sampler/individual.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lathe::sampler {

std::optional<Individual> individual_of(const FinishedTrial& trial, const std::vector<Direction>& directions) {
  double violation = total_violation(trial);
  if (std::isnan(violation)) violation = std::numeric_limits<double>::infinity();
  const bool measured =
      trial.state == TrialState::kComplete && trial.values.size() == directions.size() &&
      std::none_of(trial.values.begin(), trial.values.end(), [](double value) { return std::isnan(value); });
  if (measured) return Individual{trial.assignment, {to_losses(trial.values, directions), violation}};
  if (trial.state == TrialState::kPruned && violation > 0) return Individual{trial.assignment, {{}, violation}};
  return std::nullopt;
}

std::vector<ConstrainedPoint> points_of(const std::vector<Individual>& individuals) {
  std::vector<ConstrainedPoint> points;
  points.reserve(individuals.size());
  for (const Individual& individual : individuals) points.push_back(individual.point);
  return points;
}

}  // namespace lathe::sampler
