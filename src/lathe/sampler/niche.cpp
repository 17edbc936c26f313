#include "lathe/sampler/niche.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

namespace lathe::sampler {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// Weighs the other axes when the extreme point of one is looked for.
constexpr double kOtherAxes = 1e6;
constexpr double kSmallestPivot = 1e-10;

void add_compositions(std::size_t objective, std::size_t left, Losses& counts, std::vector<Losses>& all) {
  if (objective + 1 == counts.size()) {
    counts[objective] = static_cast<double>(left);
    all.push_back(counts);
    return;
  }
  for (std::size_t share = left + 1; share-- > 0;) {
    counts[objective] = static_cast<double>(share);
    add_compositions(objective + 1, left - share, counts, all);
  }
}

void clip_infinities(std::vector<Losses>& points, std::size_t objective) {
  double low = kInfinity, high = -kInfinity;
  for (const Losses& point : points) {
    if (!std::isfinite(point[objective])) continue;
    low = std::min(low, point[objective]);
    high = std::max(high, point[objective]);
  }
  if (low > high) low = high = 0;
  const double margin = 3 * (high - low);
  for (Losses& point : points) point[objective] = std::clamp(point[objective], low - margin, high + margin);
}

/// Solves rows * x = 1 by elimination with pivoting; nullopt when the rows do not have full rank.
std::optional<Losses> solve_for_ones(std::vector<Losses> rows) {
  const std::size_t n = rows.size();
  for (Losses& row : rows) row.push_back(1.0);
  for (std::size_t column = 0; column < n; ++column) {
    std::size_t pivot = column;
    for (std::size_t i = column + 1; i < n; ++i) {
      if (std::abs(rows[i][column]) > std::abs(rows[pivot][column])) pivot = i;
    }
    if (!(std::abs(rows[pivot][column]) > kSmallestPivot)) return std::nullopt;
    std::swap(rows[pivot], rows[column]);
    for (std::size_t i = 0; i < n; ++i) {
      if (i == column) continue;
      const double factor = rows[i][column] / rows[column][column];
      for (std::size_t k = column; k <= n; ++k) rows[i][k] -= factor * rows[column][k];
    }
  }
  Losses solution(n);
  for (std::size_t i = 0; i < n; ++i) solution[i] = rows[i][n] / rows[i][i];
  return solution;
}

/// Returns the point that lies nearest to an axis: it has the smallest maximum when the other axes weigh a million.
const Losses& extreme_point(const std::vector<Losses>& points, std::size_t axis) {
  const auto badness = [axis](const Losses& point) {
    double worst = 0;
    for (std::size_t i = 0; i < point.size(); ++i) worst = std::max(worst, point[i] * (i == axis ? 1 : kOtherAxes));
    return worst;
  };
  return *std::min_element(points.begin(), points.end(),
                           [&](const Losses& a, const Losses& b) { return badness(a) < badness(b); });
}

/// Returns what each objective is multiplied by.
Losses axis_scales(const std::vector<Losses>& points) {
  const std::size_t objectives = points.front().size();
  std::vector<Losses> extremes;
  for (std::size_t axis = 0; axis < objectives; ++axis) extremes.push_back(extreme_point(points, axis));
  const auto scales = solve_for_ones(std::move(extremes));
  const auto usable = [](double scale) { return std::isfinite(scale) && scale > 0; };
  if (scales && std::all_of(scales->begin(), scales->end(), usable)) return *scales;
  Losses largest(objectives, 0.0);
  for (const Losses& point : points) {
    for (std::size_t i = 0; i < objectives; ++i) largest[i] = std::max(largest[i], point[i]);
  }
  for (double& scale : largest) scale = scale > 0 ? 1 / scale : 1;
  return largest;
}

/// Holds the reference line that a point belongs to and its distance from it.
struct Association {
  std::size_t reference = 0;
  double distance = kInfinity;
};

double distance_to_line(const Losses& point, const Losses& direction) {
  const double length = std::inner_product(direction.begin(), direction.end(), direction.begin(), 0.0);
  const double along = std::inner_product(point.begin(), point.end(), direction.begin(), 0.0) / length;
  double squared = 0;
  for (std::size_t i = 0; i < point.size(); ++i) squared += std::pow(point[i] - along * direction[i], 2);
  return std::sqrt(squared);
}

Association nearest_line(const Losses& point, const std::vector<Losses>& references) {
  Association nearest;
  for (std::size_t i = 0; i < references.size(); ++i) {
    const double distance = distance_to_line(point, references[i]);
    if (distance < nearest.distance) nearest = {i, distance};
  }
  return nearest;
}

/// Holds a niche: how many of its points are chosen, and its candidates.
struct Niche {
  std::size_t members = 0;
  std::vector<std::size_t> candidates;
};

/// Returns the least crowded niche that has candidates, a random one of equals.
Niche& emptiest(std::vector<Niche>& niches, RandomStream& stream) {
  std::size_t fewest = std::numeric_limits<std::size_t>::max();
  std::vector<Niche*> equals;
  for (Niche& niche : niches) {
    if (niche.candidates.empty() || niche.members > fewest) continue;
    if (niche.members < fewest) equals.clear();
    fewest = niche.members;
    equals.push_back(&niche);
  }
  return *equals[stream.below(equals.size())];
}

}  // namespace

std::vector<Losses> reference_points(std::size_t objectives, std::size_t divisions) {
  std::vector<Losses> all;
  Losses counts(objectives, 0.0);
  add_compositions(0, divisions, counts, all);
  return all;
}

std::vector<Losses> normalised_points(std::vector<Losses> points) {
  if (points.empty()) return points;
  const std::size_t objectives = points.front().size();
  for (std::size_t i = 0; i < objectives; ++i) {
    clip_infinities(points, i);
    double ideal = kInfinity;
    for (const Losses& point : points) ideal = std::min(ideal, point[i]);
    for (Losses& point : points) point[i] -= ideal;
  }
  const Losses scales = axis_scales(points);
  for (Losses& point : points) {
    for (std::size_t i = 0; i < objectives; ++i) point[i] *= scales[i];
  }
  return points;
}

std::vector<std::size_t> fill_niches(const std::vector<Losses>& points, std::size_t chosen, std::size_t missing,
                                     const std::vector<Losses>& references, RandomStream& stream) {
  std::vector<Niche> niches(references.size());
  std::vector<double> distances;
  const std::vector<Losses> normalised = normalised_points(points);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Association association = nearest_line(normalised[i], references);
    distances.push_back(association.distance);
    Niche& niche = niches[association.reference];
    if (i < chosen) {
      ++niche.members;
    } else {
      niche.candidates.push_back(i);
    }
  }
  std::vector<std::size_t> filled;
  while (filled.size() < missing) {
    Niche& niche = emptiest(niches, stream);
    auto taken = niche.candidates.begin();
    if (niche.members == 0) {
      taken = std::min_element(niche.candidates.begin(), niche.candidates.end(),
                               [&](std::size_t a, std::size_t b) { return distances[a] < distances[b]; });
    } else {
      taken += static_cast<std::ptrdiff_t>(stream.below(niche.candidates.size()));
    }
    filled.push_back(*taken);
    niche.candidates.erase(taken);
    ++niche.members;
  }
  return filled;
}

}  // namespace lathe::sampler
