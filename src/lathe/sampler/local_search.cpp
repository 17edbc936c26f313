#include "lathe/sampler/local_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_set>

#include "lathe/sampler/draw.h"

namespace lathe::sampler {
namespace {

constexpr std::int64_t kAllValues = 16;
constexpr int kRandomValues = 4;
constexpr int kFillings = 3;
constexpr int kMostSteps = 64;
constexpr double kLowest = -std::numeric_limits<double>::infinity();

/// Lists other codes of a finite parameter that are worth a look.
std::vector<double> other_codes(double code, std::int64_t values, RandomStream& stream) {
  std::vector<double> codes;
  const auto present = static_cast<std::int64_t>(code);
  if (values <= kAllValues) {
    for (std::int64_t other = 0; other < values; ++other) {
      if (other != present) codes.push_back(static_cast<double>(other));
    }
    return codes;
  }
  for (std::int64_t step = 1; step < values; step *= 2) {
    if (present + step < values) codes.push_back(static_cast<double>(present + step));
    if (present >= step) codes.push_back(static_cast<double>(present - step));
  }
  for (int i = 0; i < kRandomValues; ++i) {
    codes.push_back(static_cast<double>(stream.below(static_cast<std::uint64_t>(values))));
  }
  return codes;
}

/// Moves a continuous value by normal steps of 1/4, 1/16, ... of its range.
std::vector<double> moved_values(const parameter::Float& range, double value, RandomStream& stream) {
  const double low = range.log ? std::log(range.low) : range.low;
  const double high = range.log ? std::log(range.high) : range.high;
  const double centre = range.log ? std::log(value) : value;
  std::vector<double> values;
  for (double length = 0.25; length > 1e-4; length /= 4) {
    for (int i = 0; i < kRandomValues / 2; ++i) {
      const double moved = std::clamp(centre + (high - low) * length * stream.normal(), low, high);
      values.push_back(std::clamp(range.log ? std::exp(moved) : moved, range.low, range.high));
    }
  }
  return values;
}

bool has_gaps(const parameter::Space& space, const Assignment& before, const Assignment& after) {
  for (std::size_t i = 0; i < after.size(); ++i) {
    if (before[i] == parameter::kInactive && space.is_active(after, i)) return true;
  }
  return false;
}

/// Draws the parameters that exist now and did not before; removes those that do not exist any more.
Assignment filled(const parameter::Space& space, Assignment assignment, RandomStream& stream) {
  for (std::size_t i = 0; i < assignment.size(); ++i) {
    if (!space.is_active(assignment, i)) {
      assignment[i] = parameter::kInactive;
    } else if (assignment[i] == parameter::kInactive) {
      assignment[i] = draw_code(space.parameters()[i].distribution, stream);
    }
  }
  return assignment;
}

/// Holds a point and its score.
struct Scored {
  Assignment assignment;
  double score = kLowest;
};

bool is_better(const Scored& left, const Scored& right) { return left.score > right.score; }

class Climber {
 public:
  Climber(const parameter::Space& space, std::size_t scored, Acquisition& acquisition, const FreePoints& free,
          RandomStream& stream)
      : space_(space), scored_(scored), acquisition_(acquisition), free_(free), stream_(stream) {}

  void climb_from(const Assignment& start) {
    Scored centre{start};
    if (free_.is_free(start)) centre.score = acquisition_.score(start);
    for (int step = 0; step < kMostSteps && visited_.insert(space_.encode(centre.assignment)).second; ++step) {
      if (!step_up(centre)) break;
    }
    if (is_better(centre, best_)) best_ = std::move(centre);
  }
  const Assignment& best() const { return best_.assignment; }

 private:
  /// Returns the free neighbours with the best estimates, which stand in the place of scores.
  std::vector<Scored> candidates(const Assignment& centre) {
    std::vector<Scored> list;
    for (Assignment& neighbour : neighbours(space_, centre, stream_)) {
      if (!free_.is_free(neighbour)) continue;
      const double estimate = acquisition_.estimate(neighbour);
      list.push_back({std::move(neighbour), estimate});
    }
    std::stable_sort(list.begin(), list.end(), is_better);
    if (list.size() > scored_) list.resize(scored_);
    return list;
  }

  bool step_up(Scored& centre) {
    bool moved = false;
    for (Scored& candidate : candidates(centre.assignment)) {
      candidate.score = acquisition_.score(candidate.assignment);
      if (!is_better(candidate, centre)) continue;
      centre = std::move(candidate);
      moved = true;
    }
    return moved;
  }

  const parameter::Space& space_;
  std::size_t scored_;
  Acquisition& acquisition_;
  const FreePoints& free_;
  RandomStream& stream_;
  std::unordered_set<std::uint64_t> visited_;  ///< centres; two climbs that meet are one
  Scored best_;
};

}  // namespace

std::vector<Assignment> neighbours(const parameter::Space& space, const Assignment& centre, RandomStream& stream) {
  std::vector<Assignment> list;
  for (std::size_t i = 0; i < centre.size(); ++i) {
    if (centre[i] == parameter::kInactive) continue;
    const auto values = space.size(i);
    const auto codes =
        values ? other_codes(centre[i], *values, stream)
               : moved_values(std::get<parameter::Float>(space.parameters()[i].distribution), centre[i], stream);
    for (const double code : codes) {
      Assignment moved = centre;
      moved[i] = code;
      const int fillings = space.conditional() && has_gaps(space, centre, moved) ? kFillings : 1;
      for (int filling = 0; filling < fillings; ++filling) {
        list.push_back(space.conditional() ? filled(space, moved, stream) : moved);
      }
    }
  }
  return list;
}

Assignment climb(const parameter::Space& space, const std::vector<Assignment>& starts, std::size_t scored,
                 Acquisition& acquisition, const FreePoints& free, RandomStream& stream) {
  Climber climber(space, scored, acquisition, free, stream);
  for (const Assignment& start : starts) climber.climb_from(start);
  return climber.best();
}

}  // namespace lathe::sampler
