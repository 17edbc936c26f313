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

bool covers(const Losses& left, const Losses& right) {
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left[i] > right[i]) return false;
  }
  return true;
}

/// Sorts the points and drops those that another one covers. In this order only earlier points can cover.
void keep_non_dominated(std::vector<Losses>& points) {
  std::sort(points.begin(), points.end());
  std::size_t kept = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto end = points.begin() + static_cast<std::ptrdiff_t>(kept);
    if (std::any_of(points.begin(), end, [&](const Losses& other) { return covers(other, points[i]); })) continue;
    if (kept != i) points[kept] = std::move(points[i]);
    ++kept;
  }
  points.resize(kept);
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

HypervolumeSubset::HypervolumeSubset(const std::vector<Losses>& points, Losses reference)
    : reference_(std::move(reference)),
      finite_(std::all_of(reference_.begin(), reference_.end(), [](double x) { return std::isfinite(x); })),
      size_(points.size()) {
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return points[a] < points[b]; });
  for (const std::size_t index : order) {
    if (!points_.empty() && points_.back() == points[index]) {
      repeats_.push_back(index);
      continue;
    }
    points_.push_back(points[index]);
    index_.push_back(index);
  }
  std::sort(repeats_.begin(), repeats_.end());
  taken_.assign(points_.size(), false);
  corner_.assign(reference_.size() == 2 ? points_.size() : 0, reference_);
  for (const Losses& point : points_) bound_.push_back(box(point, reference_));
}

/// What a point of two objectives adds is the rectangle up to its chosen neighbours.
void HypervolumeSubset::choose_in_plane() {
  std::size_t best = points_.size();
  double best_volume = 0;
  for (std::size_t i = 0; i < points_.size(); ++i) {
    if (taken_[i]) continue;
    const double volume = box(points_[i], corner_[i]);
    if (best != points_.size() && volume <= best_volume) continue;
    best = i;
    best_volume = volume;
  }
  taken_[best] = true;
  chosen_.push_back(best);
  for (std::size_t i = 0; i < best; ++i) corner_[i][0] = std::min(corner_[i][0], points_[best][0]);
  for (std::size_t i = best + 1; i < points_.size(); ++i) corner_[i][1] = std::min(corner_[i][1], points_[best][1]);
}

/// Contributions only shrink as the set grows, so an old one is an upper bound and most need not be computed again.
void HypervolumeSubset::choose_lazily() {
  std::size_t best = points_.size();
  for (std::size_t i = 0; i < points_.size(); ++i) {
    if (taken_[i] || (best != points_.size() && bound_[i] <= bound_[best])) continue;
    bound_[i] = exclusive_volume(points_[i], chosen_points_, reference_);
    if (best == points_.size() || bound_[i] > bound_[best]) best = i;
  }
  taken_[best] = true;
  chosen_.push_back(best);
  chosen_points_.push_back(points_[best]);
}

std::vector<std::size_t> HypervolumeSubset::first(std::size_t count) {
  std::vector<std::size_t> selected;
  if (!finite_ || count >= size_) {
    selected.resize(std::min(count, size_));
    std::iota(selected.begin(), selected.end(), std::size_t{0});
    return selected;
  }
  if (points_.size() <= count) {
    selected = index_;
    const auto missing = static_cast<std::ptrdiff_t>(count - selected.size());
    selected.insert(selected.end(), repeats_.begin(), repeats_.begin() + missing);
  } else {
    while (chosen_.size() < count) reference_.size() == 2 ? choose_in_plane() : choose_lazily();
    for (std::size_t i = 0; i < count; ++i) selected.push_back(index_[chosen_[i]]);
  }
  std::sort(selected.begin(), selected.end());
  return selected;
}

std::vector<std::size_t> select_by_hypervolume(const std::vector<Losses>& points, std::size_t count,
                                               const Losses& reference) {
  return HypervolumeSubset(points, reference).first(count);
}

}  // namespace lathe::sampler
