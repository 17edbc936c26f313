#pragma once

namespace lathe::sampler {

/// Returns the mass that the standard normal distribution has in [low, high]; relative error below 1e-13 where the mass
/// is a normal number.
double normal_mass(double low, double high);

/// Returns the number that a standard normal variable exceeds with probability `tail`, in (0, 0.5].
double normal_upper_quantile(double tail);

/// Maps a number uniform in [0, 1) to the normal distribution cut to [low, high], by its inverse distribution function.
/// `mean` must lie in [low, high].
double truncated_normal(double mean, double sigma, double low, double high, double uniform);

}  // namespace lathe::sampler
