#pragma once

#include <functional>
#include <vector>

namespace lathe::sampler {

/// Computes a function and, into the second argument, its gradient.
using Differentiable = std::function<double(const std::vector<double>& x, std::vector<double>& gradient)>;

/// Minimises a smooth function from `start` by L-BFGS (Nocedal and Wright, "Numerical Optimization", algorithm 7.4)
/// with backtracking; ends after `iterations` steps, or when a step gains less than `tolerance`. Values that are not
/// finite count as worse than all others.
std::vector<double> minimise(const Differentiable& function, std::vector<double> start, int iterations,
                             double tolerance);

}  // namespace lathe::sampler
