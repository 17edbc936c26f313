#pragma once

#include <map>
#include <string>
#include <vector>

#include "lathe/recipe/study_settings.h"

namespace lathe::trial {

/// Holds what the objectives of a study make of a candidate's metrics.
struct Scores {
  std::map<std::string, double> scaled;  ///< scale * metric, by name of the objective
  std::vector<double> values;            ///< one per direction of the study: the scaled metrics, or their sum
  std::string reason;                    ///< why the candidate cannot be compared: a value is not finite; else empty
};

/// Computes the objectives from metrics by registered name, which must hold all that the objectives read.
Scores score(const recipe::StudySettings& settings, const std::map<std::string, double>& metrics);

/// Returns what a race compares: the values of the objectives, then the violations (constraint.h) of the constraints
/// that training decides.
std::vector<double> raced_values(const recipe::StudySettings& settings, const std::map<std::string, double>& metrics);

/// Returns the slope of every raced value in one of the metrics, the others as they are.
std::vector<double> slopes_in(const recipe::StudySettings& settings, std::map<std::string, double> metrics,
                              const std::string& name);

}  // namespace lathe::trial
