#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "lathe/base/trial_state.h"
#include "lathe/recipe/study_settings.h"

/// How sure a front is: errors of the values, and the probability that a candidate is on the front.
namespace lathe::study {

/// Holds what is known of the true values of one candidate.
struct UncertainPoint {
  std::vector<double> means = {};   ///< one per raced value (objective.h), as measured; finite
  std::vector<double> errors = {};  ///< standard errors; 0 or NaN: the value is taken as exact
  std::uint64_t identity = 0;       ///< first word of the candidate key: its draws depend on it and the seed alone
};

/// Returns the covariance of the errors of two points (their indices) in a raced value.
using ErrorCovariance = std::function<double(std::size_t, std::size_t, std::size_t value)>;

/// Says that the violation of a constraint is linear in an objective's value: both read the same metric.
struct TiedViolation {
  std::size_t objective = 0;
  double slope = 0;  ///< of the violation in the value, as measured
};
/// Holds one entry per violation, nullopt where it varies by itself.
using TiedViolations = std::vector<std::optional<TiedViolation>>;

/// Draws the true values of all candidates from normal distributions and counts how often each is on the front of all
/// (equal ones both are). The errors of objectives are taken as independent, those of candidates go together as
/// `covariance` says (none: they are independent, too). Candidates that another one beats by 5.5 standard errors of the
/// difference in every uncertain objective are not drawn, nor all but the 1,000 that are beaten least surely: their
/// probability is 0. From ten candidates on, what may be on the front is drawn from the beliefs of shrinkage.h, by the
/// costs that are known without error. Values behind the objectives are violations: a candidate of which one is drawn
/// above 0 is not on the front and beats no other. A violation in `tied` follows the draw of its objective, others are
/// drawn. A pure function of its arguments; the order of the points does not matter.
std::vector<double> front_probabilities(std::span<const UncertainPoint> points,
                                        const std::vector<Direction>& directions, std::uint64_t seed, int draws = 10000,
                                        const ErrorCovariance& covariance = {}, const TiedViolations& tied = {});

/// Returns the standard errors that come from the choice of the evaluated rows, one per raced value. Known for accuracy
/// alone: sqrt(p (1 - p) / rows); formulas and sums over it by their slope (the delta method). 0 for what the network
/// alone decides; NaN where it is not known (loss, macro_accuracy, measured metrics: their spread over the rows is not
/// recorded).
std::vector<double> sampling_errors(const recipe::StudySettings& settings, const std::map<std::string, double>& metrics,
                                    std::int64_t rows);

/// Adds independent standard errors: sqrt(a^2 + b^2); an unknown one (NaN) does not count, two give NaN.
double joint_error(double a, double b);

}  // namespace lathe::study
