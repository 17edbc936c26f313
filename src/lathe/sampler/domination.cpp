#include "lathe/sampler/domination.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "lathe/base/check.h"

namespace lathe::sampler {
namespace {

bool dominates(const Losses& left, const Losses& right) {
  bool strictly = false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left[i] > right[i]) return false;
    strictly = strictly || left[i] < right[i];
  }
  return strictly;
}

/// Returns the members of `candidates` (in lexicographic order of their points) that no other member dominates. In this
/// order only earlier points can dominate, and a point that is itself dominated need not be compared with.
std::vector<std::size_t> front_of_sorted(const std::vector<Losses>& points,
                                         const std::vector<std::size_t>& candidates) {
  std::vector<std::size_t> front;
  double best_second = 0;
  for (const std::size_t index : candidates) {
    const Losses& point = points[index];
    bool dominated = false;
    if (point.size() == 2 && !front.empty()) {
      dominated = point[1] > best_second || (point[1] == best_second && point[0] != points[front.back()][0]);
    } else {
      dominated =
          std::any_of(front.begin(), front.end(), [&](std::size_t other) { return dominates(points[other], point); });
    }
    if (dominated) continue;
    front.push_back(index);
    if (point.size() == 2) best_second = point[1];
  }
  return front;
}

std::vector<std::size_t> sorted_indices(const std::vector<Losses>& points, std::vector<std::size_t> indices) {
  std::stable_sort(indices.begin(), indices.end(), [&](std::size_t a, std::size_t b) { return points[a] < points[b]; });
  return indices;
}

std::vector<std::size_t> all_indices(std::size_t count) {
  std::vector<std::size_t> indices(count);
  std::iota(indices.begin(), indices.end(), std::size_t{0});
  return indices;
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

std::vector<std::size_t> non_dominated_ranks(const std::vector<Losses>& points) {
  std::vector<std::size_t> ranks(points.size());
  std::vector<std::size_t> left = sorted_indices(points, all_indices(points.size()));
  for (std::size_t rank = 0; !left.empty(); ++rank) {
    std::vector<bool> taken(points.size(), false);
    for (const std::size_t index : front_of_sorted(points, left)) {
      ranks[index] = rank;
      taken[index] = true;
    }
    std::erase_if(left, [&](std::size_t index) { return taken[index]; });
  }
  return ranks;
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
