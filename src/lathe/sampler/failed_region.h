#pragma once

#include <optional>
#include <vector>

#include "lathe/sampler/embedding.h"
#include "lathe/sampler/free_points.h"
#include "lathe/sampler/sampler.h"

namespace lathe::sampler {

/// Says whether the point of an ended trial can be trained: false for one that failed, nullopt where the trial says
/// nothing of it (the machine failed, or a constraint ruled it out before).
std::optional<bool> is_trainable(const FinishedTrial& trial);

/// Remembers which points failed and which did not, for samplers that have no model of their own: a point is suspect
/// where the nearest known one failed (pre-selection by a nearest neighbour; Jin, "Surrogate-assisted evolutionary
/// computation: recent advances and future challenges", Swarm and Evolutionary Computation 1(2), 2011, section 3).
/// Distances are those of Embedding. While nothing has failed nothing is suspect.
class FailedRegion {
 public:
  explicit FailedRegion(const parameter::Space& space) : embedding_(space) {}

  /// Takes note of an ended trial.
  void tell(const FinishedTrial& trial);
  /// Tells whether a point is nearer to one that failed than to any that did not. O(n parameters).
  bool suspects(const Assignment& assignment) const;
  /// Draws free points (FreePoints::draw) until one is not suspect, 8 times at most.
  Assignment draw(FreePoints& free, RandomStream& stream) const;

 private:
  struct Known {
    std::vector<double> places;
    bool trainable = true;
  };

  Embedding embedding_;
  std::vector<Known> known_;
  bool any_failed_ = false;
};

}  // namespace lathe::sampler
