#pragma once

namespace lathe::study {

/// Returns P(T <= t) of Student's distribution with `degrees` > 0 degrees of freedom, to about 1e-12: the regularised
/// incomplete beta function by its continued fraction (NIST DLMF 8.17.22, https://dlmf.nist.gov/8.17).
double student_cdf(double t, double degrees);

/// Returns the standard normal distribution's quantile of a probability in (0, 1), to about 1e-9.
double normal_quantile(double probability);

}  // namespace lathe::study
