#pragma once

#include <span>
#include <utility>
#include <vector>

#include "lathe/base/random.h"

namespace lathe::sampler {

/// Returns the density and the distribution function of the standard normal distribution.
double normal_density(double z);
double normal_cdf(double z);
/// Returns log(normal_cdf(z)), accurate far in the lower tail.
double log_normal_cdf(double z);

/// Returns the logarithm of the expected improvement below `best` of a normal variable (minimisation):
/// EI = sd (phi(z) + z Phi(z)), z = (best - mean) / sd (Jones, Schonlau, Welch 1998), accurate far in the tail, where
/// EI itself vanishes (Ament et al., "Unexpected improvements to expected improvement", 2023).
double log_expected_improvement(double mean, double deviation, double best);

/// Describes an independent normal prediction.
struct Normal {
  double mean = 0;
  double deviation = 1;
};

/// Computes the expected hypervolume improvement of two independent normal objectives, both minimised, over a front
/// below a reference point, exactly (Emmerich, Deutz, Klinkenberg 2011, as a sum over the strips between neighbours).
class ExpectedHypervolume {
 public:
  using Point = std::pair<double, double>;
  /// Dominated points and those that do not dominate the reference are left out.
  ExpectedHypervolume(std::vector<Point> points, Point reference);
  /// Returns the logarithm of the expected improvement.
  double log_improvement(const Normal& first, const Normal& second) const;

 private:
  std::vector<Point> front_;  ///< ascending in the first, descending in the second objective
  Point reference_;
};

/// Computes the expected improvement of an augmented Chebyshev scalarisation, max_m w_m y_m + 0.05 sum_m w_m y_m, of
/// any number of independent normal objectives with random weights (Knowles, "ParEGO", IEEE TEC 10(1), 2006; here one
/// process per objective), as a mean over fixed draws, each smoothed so that it never vanishes.
class ExpectedScalarImprovement {
 public:
  /// Draws weights, uniform on the simplex, and normal numbers. `points` are the objectives of the known trials.
  ExpectedScalarImprovement(const std::vector<std::vector<double>>& points, RandomStream& stream);
  double log_improvement(std::span<const Normal> objectives) const;

 private:
  double scalar(std::span<const double> objectives) const;

  std::vector<double> weights_;
  std::vector<std::vector<double>> draws_;  ///< [draw][objective]
  double best_ = 0;
};

}  // namespace lathe::sampler
