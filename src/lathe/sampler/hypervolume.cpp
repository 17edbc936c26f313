#include "lathe/sampler/hypervolume.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace lathe::sampler {
namespace {

double box(const Losses& point, const Losses& reference) {
  double volume = 1;
  for (std::size_t i = 0; i < point.size(); ++i) volume *= reference[i] - point[i];
  return volume;
}

void keep_non_dominated(std::vector<Losses>& points) {
  const std::vector<std::size_t> ranks = non_dominated_ranks(points);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (ranks[i] == 0) std::swap(points[kept++], points[i]);
  }
  points.resize(kept);
  std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end()), points.end());
}

/// Sweeps a sorted front of two objectives.
double area(const std::vector<Losses>& front, const Losses& reference) {
  double total = 0;
  double top = reference[1];
  for (const Losses& point : front) {
    total += (reference[0] - point[0]) * (top - point[1]);
    top = point[1];
  }
  return total;
}

double volume_of_front(const std::vector<Losses>& front, const Losses& reference);

/// Returns the part of `point`'s box that none of `others` dominates.
double exclusive_volume(const Losses& point, std::vector<Losses> others, const Losses& reference) {
  for (Losses& other : others) {
    for (std::size_t i = 0; i < point.size(); ++i) other[i] = std::max(other[i], point[i]);
  }
  keep_non_dominated(others);
  return box(point, reference) - volume_of_front(others, reference);
}

double volume_of_front(const std::vector<Losses>& front, const Losses& reference) {
  if (front.empty()) return 0;
  if (reference.size() == 1) return reference[0] - front.front()[0];
  if (reference.size() == 2) return area(front, reference);
  double total = 0;
  for (std::size_t i = 0; i < front.size(); ++i) {
    total += exclusive_volume(front[i], {front.begin() + static_cast<std::ptrdiff_t>(i) + 1, front.end()}, reference);
  }
  return total;
}

/// Chooses among distinct sorted points of two objectives: what a point adds is the rectangle up to its chosen
/// neighbours.
std::vector<std::size_t> choose_plane(const std::vector<Losses>& points, std::size_t count, const Losses& reference) {
  std::vector<Losses> corner(points.size(), reference);
  std::vector<bool> taken(points.size(), false);
  std::vector<std::size_t> chosen;
  while (chosen.size() < count) {
    std::size_t best = points.size();
    double best_volume = 0;
    for (std::size_t i = 0; i < points.size(); ++i) {
      const double volume = taken[i] ? 0 : box(points[i], corner[i]);
      if (!taken[i] && (best == points.size() || volume > best_volume)) {
        best = i;
        best_volume = volume;
      }
    }
    taken[best] = true;
    chosen.push_back(best);
    for (std::size_t i = 0; i < best; ++i) corner[i][0] = std::min(corner[i][0], points[best][0]);
    for (std::size_t i = best + 1; i < points.size(); ++i) corner[i][1] = std::min(corner[i][1], points[best][1]);
  }
  return chosen;
}

/// Chooses among distinct points of more objectives. Contributions only shrink as the set grows, so an old one is an
/// upper bound and most need not be computed again.
std::vector<std::size_t> choose_lazily(const std::vector<Losses>& points, std::size_t count, const Losses& reference) {
  std::vector<double> bound(points.size());
  for (std::size_t i = 0; i < points.size(); ++i) bound[i] = box(points[i], reference);
  std::vector<bool> taken(points.size(), false);
  std::vector<std::size_t> chosen;
  std::vector<Losses> chosen_points;
  while (chosen.size() < count) {
    std::size_t best = points.size();
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (taken[i] || (best != points.size() && bound[i] <= bound[best])) continue;
      bound[i] = exclusive_volume(points[i], chosen_points, reference);
      if (best == points.size() || bound[i] > bound[best]) best = i;
    }
    taken[best] = true;
    chosen.push_back(best);
    chosen_points.push_back(points[best]);
  }
  return chosen;
}

struct DistinctPoints {
  std::vector<Losses> points;        ///< sorted
  std::vector<std::size_t> first;    ///< index of the first occurrence of each
  std::vector<std::size_t> repeats;  ///< ascending indices of all other occurrences
};

DistinctPoints distinct(const std::vector<Losses>& points) {
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return points[a] < points[b]; });
  DistinctPoints result;
  for (const std::size_t index : order) {
    if (!result.points.empty() && result.points.back() == points[index]) {
      result.repeats.push_back(index);
      continue;
    }
    result.points.push_back(points[index]);
    result.first.push_back(index);
  }
  std::sort(result.repeats.begin(), result.repeats.end());
  return result;
}

}  // namespace

double hypervolume(std::vector<Losses> points, const Losses& reference) {
  std::erase_if(points, [&](const Losses& point) {
    for (std::size_t i = 0; i < point.size(); ++i) {
      if (!(point[i] < reference[i])) return true;
    }
    return false;
  });
  keep_non_dominated(points);
  return volume_of_front(points, reference);
}

Losses reference_point(const std::vector<Losses>& points) {
  Losses reference = points.front();
  for (const Losses& point : points) {
    for (std::size_t i = 0; i < point.size(); ++i) reference[i] = std::max(reference[i], point[i]);
  }
  for (double& worst : reference) {
    worst = std::max(1.1 * worst, 0.9 * worst);
    if (worst == 0) worst = 1e-12;
  }
  return reference;
}

std::vector<std::size_t> select_by_hypervolume(const std::vector<Losses>& points, std::size_t count,
                                               const Losses& reference) {
  std::vector<std::size_t> selected;
  const bool finite = std::all_of(reference.begin(), reference.end(), [](double x) { return std::isfinite(x); });
  if (!finite || count >= points.size()) {
    selected.resize(std::min(count, points.size()));
    std::iota(selected.begin(), selected.end(), std::size_t{0});
    return selected;
  }
  const DistinctPoints unique = distinct(points);
  if (unique.points.size() <= count) {
    selected = unique.first;
    const std::size_t missing = count - selected.size();
    selected.insert(selected.end(), unique.repeats.begin(),
                    unique.repeats.begin() + static_cast<std::ptrdiff_t>(missing));
  } else {
    const auto chosen = reference.size() == 2 ? choose_plane(unique.points, count, reference)
                                              : choose_lazily(unique.points, count, reference);
    for (const std::size_t index : chosen) selected.push_back(unique.first[index]);
  }
  std::sort(selected.begin(), selected.end());
  return selected;
}

}  // namespace lathe::sampler
