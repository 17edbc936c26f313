#include "lathe/sampler/failed_region.h"

#include <algorithm>
#include <limits>

namespace lathe::sampler {
namespace {
constexpr int kDraws = 8;
}

std::optional<bool> is_trainable(const FinishedTrial& trial) {
  if (trial.point_failed) return false;
  const bool ran = trial.state == TrialState::kComplete || !trial.reports.empty();
  return ran ? std::optional(true) : std::nullopt;
}

void FailedRegion::tell(const FinishedTrial& trial) {
  const std::optional<bool> trainable = is_trainable(trial);
  if (!trainable) return;
  known_.push_back({embedding_.embed(trial.assignment), *trainable});
  any_failed_ |= !*trainable;
}

bool FailedRegion::suspects(const Assignment& assignment) const {
  if (!any_failed_) return false;
  const std::vector<double> places = embedding_.embed(assignment);
  double to_failed = std::numeric_limits<double>::infinity();
  double to_trainable = to_failed;
  for (const Known& known : known_) {
    double& least = known.trainable ? to_trainable : to_failed;
    double distance = 0;
    for (std::size_t i = 0; i < places.size() && distance < least; ++i) {
      distance += embedding_.squared_distance(i, places[i], known.places[i]);
    }
    least = std::min(least, distance);
  }
  return to_failed < to_trainable;
}

Assignment FailedRegion::draw(FreePoints& free, RandomStream& stream) const {
  Assignment drawn = free.draw(stream);
  for (int draws = 1; draws < kDraws && suspects(drawn); ++draws) drawn = free.draw(stream);
  return drawn;
}

}  // namespace lathe::sampler
