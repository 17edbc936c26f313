#pragma once

#include <vector>

namespace lathe::study {

/// Holds what a variance is expected to be before it is estimated: `variance`, with the weight of `degrees` degrees of
/// freedom.
struct VariancePrior {
  double variance = 0;
  double degrees = 0;
};

/// Fits the prior to the sums of squared deviations of many samples and their degrees of freedom (those with none are
/// left out). Variances may differ by orders of magnitude: networks that collapse with some seeds must not blur all
/// others. From eight samples on the prior is the scaled inverse chi-squared distribution whose moments of the
/// logarithm fit (Smyth, "Linear models and empirical Bayes methods", SAGMB 3(1), 2004, section 6.2; variances below
/// 1e-5 of the median count as that much), its degrees kept within 1 to 4; below, or where most variances are 0, the
/// pooled variance with at most 4 degrees. A pure function; the order of the samples does not matter.
VariancePrior fit_variance_prior(const std::vector<double>& squares, const std::vector<double>& degrees);

/// Fits a prior for each sample where variances go with the means: noisy networks have other values than quiet ones.
/// The logarithm of the variance follows a line fitted locally to the samples with about the same rank of the mean
/// (a Gaussian kernel with a deviation of a tenth of the ranks), as limma's trend does; the degrees of freedom, the
/// same for all, are of what is left, within 1 to 50. Below 30 samples with degrees of freedom, or where most variances
/// are 0, everyone gets fit_variance_prior's.
std::vector<VariancePrior> fit_variance_trend(const std::vector<double>& squares, const std::vector<double>& degrees,
                                              const std::vector<double>& means);

/// Returns the first and the second derivative of the logarithm of the gamma function at x > 0, to about 1e-10
/// (recurrence and asymptotic series, NIST DLMF 5.5.2 and 5.11.2).
double digamma(double x);
double trigamma(double x);

}  // namespace lathe::study
