#include "lathe/sampler/domination.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "lathe/base/check.h"

namespace lathe::sampler {
namespace {

std::vector<std::size_t> all_indices(std::size_t count) {
  std::vector<std::size_t> indices(count);
  std::iota(indices.begin(), indices.end(), std::size_t{0});
  return indices;
}

std::vector<std::size_t> sorted_indices(const std::vector<Losses>& points, std::vector<std::size_t> indices) {
  std::stable_sort(indices.begin(), indices.end(), [&](std::size_t a, std::size_t b) { return points[a] < points[b]; });
  return indices;
}

/// Collects the points of one rank, given in lexicographic order: only earlier points can dominate later ones.
class Front {
 public:
  explicit Front(const std::vector<Losses>& points) : points_(points) {}

  /// With two objectives the second one falls along the front, so that its last member decides.
  bool dominates(const Losses& point) const {
    if (point.size() <= 2) return sampler::dominates(points_[members_.back()], point);
    return std::any_of(members_.rbegin(), members_.rend(),
                       [&](std::size_t member) { return sampler::dominates(points_[member], point); });
  }
  void add(std::size_t index) { members_.push_back(index); }
  const std::vector<std::size_t>& members() const { return members_; }

 private:
  const std::vector<Losses>& points_;
  std::vector<std::size_t> members_;
};

/// Returns the members of `candidates` (in lexicographic order of their points) that no other member dominates.
std::vector<std::size_t> front_of_sorted(const std::vector<Losses>& points,
                                         const std::vector<std::size_t>& candidates) {
  Front front(points);
  for (const std::size_t index : candidates) {
    if (front.members().empty() || !front.dominates(points[index])) front.add(index);
  }
  return front.members();
}

}  // namespace

Losses to_losses(std::span<const double> values, const std::vector<Direction>& directions) {
  LATHE_CHECK_EQ(values.size(), directions.size());
  Losses losses(values.begin(), values.end());
  for (std::size_t i = 0; i < losses.size(); ++i) {
    if (directions[i] == Direction::kMaximize) losses[i] = -losses[i];
  }
  return losses;
}

bool dominates(const Losses& left, const Losses& right) {
  bool strictly = false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left[i] > right[i]) return false;
    strictly = strictly || left[i] < right[i];
  }
  return strictly;
}

std::vector<std::size_t> non_dominated_ranks(const std::vector<Losses>& points) {
  std::vector<std::size_t> ranks(points.size());
  std::vector<Front> fronts;
  for (const std::size_t index : sorted_indices(points, all_indices(points.size()))) {
    const auto first = std::partition_point(fronts.begin(), fronts.end(),
                                            [&](const Front& front) { return front.dominates(points[index]); });
    ranks[index] = static_cast<std::size_t>(first - fronts.begin());
    if (first == fronts.end()) fronts.emplace_back(points);
    fronts[ranks[index]].add(index);
  }
  return ranks;
}

bool constrained_dominates(const ConstrainedPoint& left, const ConstrainedPoint& right) {
  if (left.violation > 0 || right.violation > 0) return left.violation < right.violation;
  return dominates(left.losses, right.losses);
}

std::vector<std::size_t> constrained_ranks(const std::vector<ConstrainedPoint>& points) {
  std::vector<Losses> feasible;
  std::vector<std::size_t> where;
  std::vector<double> violations;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (points[i].violation > 0) {
      violations.push_back(points[i].violation);
    } else {
      feasible.push_back(points[i].losses);
      where.push_back(i);
    }
  }
  const std::vector<std::size_t> feasible_ranks = non_dominated_ranks(feasible);
  std::size_t next = 0;
  for (const std::size_t rank : feasible_ranks) next = std::max(next, rank + 1);
  std::sort(violations.begin(), violations.end());
  violations.erase(std::unique(violations.begin(), violations.end()), violations.end());

  std::vector<std::size_t> ranks(points.size());
  for (std::size_t i = 0; i < where.size(); ++i) ranks[where[i]] = feasible_ranks[i];
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!(points[i].violation > 0)) continue;
    const auto place = std::lower_bound(violations.begin(), violations.end(), points[i].violation);
    ranks[i] = next + static_cast<std::size_t>(place - violations.begin());
  }
  return ranks;
}

namespace {

/// Returns the range of the finite ones of ascending values, 1 where it is empty.
double finite_range(const std::vector<Losses>& points, const std::vector<std::size_t>& order, std::size_t objective) {
  double low = 0, high = 0;
  bool any = false;
  for (const std::size_t index : order) {
    const double value = points[index][objective];
    if (!std::isfinite(value)) continue;
    if (!any) low = value;
    high = value;
    any = true;
  }
  return high > low ? high - low : 1.0;
}

}  // namespace

std::vector<double> crowding_distances(const std::vector<Losses>& points) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::vector<double> distances(points.size(), 0.0);
  if (points.empty()) return distances;
  std::vector<std::size_t> order = all_indices(points.size());
  for (std::size_t objective = 0; objective < points.front().size(); ++objective) {
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return points[a][objective] < points[b][objective]; });
    if (points[order.front()][objective] == points[order.back()][objective]) continue;
    const double range = finite_range(points, order, objective);
    for (std::size_t i = 0; i < order.size(); ++i) {
      const double before = i == 0 ? -kInfinity : points[order[i - 1]][objective];
      const double after = i + 1 == order.size() ? kInfinity : points[order[i + 1]][objective];
      if (before != after) distances[order[i]] += (after - before) / range;
    }
  }
  return distances;
}

std::vector<std::size_t> pareto_front(const std::vector<std::vector<double>>& values,
                                      const std::vector<Direction>& directions) {
  std::vector<Losses> points(values.size());
  std::vector<std::size_t> candidates;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::any_of(values[i].begin(), values[i].end(), [](double value) { return std::isnan(value); })) continue;
    points[i] = to_losses(values[i], directions);
    candidates.push_back(i);
  }
  std::vector<std::size_t> front = front_of_sorted(points, sorted_indices(points, std::move(candidates)));
  std::sort(front.begin(), front.end());
  return front;
}

}  // namespace lathe::sampler
