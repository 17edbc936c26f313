#include "lathe/sampler/minimise.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>

namespace lathe::sampler {
namespace {

using Vector = std::vector<double>;

constexpr std::size_t kMemory = 10;
constexpr double kSufficientDecrease = 1e-4;
constexpr int kHalvings = 12;
/// The arguments are logarithms: no single step may change one by more.
constexpr double kLargestMove = 2;

double dot(const Vector& left, const Vector& right) {
  return std::inner_product(left.begin(), left.end(), right.begin(), 0.0);
}

Vector minus(const Vector& left, const Vector& right) {
  Vector difference(left.size());
  for (std::size_t i = 0; i < left.size(); ++i) difference[i] = left[i] - right[i];
  return difference;
}

void add_scaled(Vector& target, double factor, const Vector& addend) {
  for (std::size_t i = 0; i < target.size(); ++i) target[i] += factor * addend[i];
}

struct Pair {
  Vector step, change;  ///< of the argument, of the gradient
  double inverse = 0;   ///< 1 / (step . change)
};

/// Returns minus the approximate inverse Hessian times the gradient (two-loop recursion).
Vector descent_direction(const std::deque<Pair>& pairs, const Vector& gradient) {
  Vector direction = gradient;
  Vector factors(pairs.size());
  for (std::size_t i = pairs.size(); i-- > 0;) {
    factors[i] = pairs[i].inverse * dot(pairs[i].step, direction);
    add_scaled(direction, -factors[i], pairs[i].change);
  }
  double scale = 1 / std::max(1.0, std::sqrt(dot(gradient, gradient)));
  if (!pairs.empty()) scale = 1 / (pairs.back().inverse * dot(pairs.back().change, pairs.back().change));
  for (double& entry : direction) entry *= scale;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const double factor = pairs[i].inverse * dot(pairs[i].change, direction);
    add_scaled(direction, factors[i] - factor, pairs[i].step);
  }
  double largest = 0;
  for (double& entry : direction) {
    entry = -entry;
    largest = std::max(largest, std::abs(entry));
  }
  if (largest > kLargestMove) {
    for (double& entry : direction) entry *= kLargestMove / largest;
  }
  return direction;
}

struct Point {
  Vector x, gradient;
  double value = 0;
};

/// Walks along the direction until the value has fallen enough; false when it does not.
bool backtrack(const Differentiable& function, const Point& from, const Vector& direction, Point& to) {
  const double slope = dot(from.gradient, direction);
  double length = 1;
  for (int halving = 0; halving < kHalvings; ++halving, length /= 2) {
    to.x = from.x;
    add_scaled(to.x, length, direction);
    to.value = function(to.x, to.gradient);
    if (std::isfinite(to.value) && to.value <= from.value + kSufficientDecrease * length * slope) return true;
  }
  return false;
}

}  // namespace

std::vector<double> minimise(const Differentiable& function, std::vector<double> start, int iterations,
                             double tolerance) {
  Point point{std::move(start), {}, 0};
  point.gradient.resize(point.x.size());
  point.value = function(point.x, point.gradient);
  std::deque<Pair> pairs;
  for (int iteration = 0; iteration < iterations; ++iteration) {
    Vector direction = descent_direction(pairs, point.gradient);
    Point next = point;
    if (dot(direction, point.gradient) >= 0 || !backtrack(function, point, direction, next)) break;
    const double gain = point.value - next.value;
    Pair pair{minus(next.x, point.x), minus(next.gradient, point.gradient), 0};
    const double curvature = dot(pair.step, pair.change);
    point = std::move(next);
    if (gain < tolerance) break;
    if (curvature <= 1e-12) continue;
    pair.inverse = 1 / curvature;
    pairs.push_back(std::move(pair));
    if (pairs.size() > kMemory) pairs.pop_front();
  }
  return point.x;
}

}  // namespace lathe::sampler
