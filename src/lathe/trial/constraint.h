#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lathe/recipe/study_settings.h"
#include "lathe/space/space.h"

namespace lathe::trial {

/// Returns all metrics that the network alone decides, by registered name.
std::map<std::string, double> analysis_metrics(const recipe::StudySettings& settings, const ir::Graph& graph);

/// Tells whether the network alone decides a constraint, so that it is known without training.
bool needs_analysis_only(const recipe::Constraint& constraint);

/// Returns what a value breaks a constraint by: at most 0 where it is met. `value - max` or `min - value`, the larger
/// of the two, each divided by the bound's magnitude unless that is 0, so that different constraints are comparable.
/// Infinite for a value that is not a number.
double violation(const recipe::Constraint& constraint, double value);

/// Returns the violations in the order of the constraints; 0 for one whose metrics are not among `metrics` (not known
/// yet). Empty without constraints.
std::vector<double> constraint_values(const std::vector<recipe::Constraint>& constraints,
                                      const std::map<std::string, double>& metrics);

/// Lists the bounds that the network alone does not decide as constraints of one bound each, in the order of the
/// constraints, min before max: how far a mean is within two bounds is no mean of how far its parts are.
std::vector<recipe::Constraint> trained_constraints(const std::vector<recipe::Constraint>& constraints);

/// Prints the first broken constraint for the user, `model_size is 5120, above its max of 4096`; empty when all known
/// ones are met.
std::string broken_constraint(const std::vector<recipe::Constraint>& constraints,
                              const std::map<std::string, double>& metrics);

/// Looks, in spaces of at most `most_points` points, for a candidate that meets the constraints that the network alone
/// decides. Throws UserError at the constraint that is hardest to meet when there is none. Larger spaces pass unseen.
void require_feasible_candidate(const recipe::StudySettings& settings, const space::SearchSpace& space,
                                std::int64_t most_points = 1000);

}  // namespace lathe::trial
