#pragma once

#include <vector>

#include "lathe/base/random.h"
#include "lathe/sampler/free_points.h"

namespace lathe::sampler {

using parameter::Assignment;

/// Scores assignments; larger is better.
class Acquisition {
 public:
  virtual ~Acquisition() = default;
  /// Returns a cheap estimate of the score; it decides which neighbours are scored at all.
  virtual double estimate(const Assignment& assignment) = 0;
  virtual double score(const Assignment& assignment) = 0;
};

/// Returns what one change of one parameter makes of an assignment: every other value of a parameter with at most 16,
/// else the values 1, 2, 4, ... steps away and a few random ones; a continuous parameter moves by normal steps of
/// several lengths. Parameters that come to exist are drawn uniformly, in three ways.
std::vector<Assignment> neighbours(const parameter::Space& space, const Assignment& centre, RandomStream& stream);

/// Climbs from each start to its best free neighbour, of those `scored` with the best estimates, until none is better.
/// Returns the best free assignment seen; empty when there was none. Starts need not be free.
Assignment climb(const parameter::Space& space, const std::vector<Assignment>& starts, std::size_t scored,
                 Acquisition& acquisition, const FreePoints& free, RandomStream& stream);

}  // namespace lathe::sampler
