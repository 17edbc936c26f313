#include "lathe/study/exhaustive/front_probability.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "lathe/base/random.h"
#include "lathe/sampler/domination.h"
#include "lathe/study/exhaustive/shrinkage.h"
#include "lathe/trial/constraint.h"
#include "lathe/trial/objective.h"

namespace lathe::study {
namespace {

using sampler::Losses;

// Standard errors of a difference at which it counts as certain: the other sign has a probability of 2e-8.
constexpr double kCertain = 5.5;

// Most candidates that are drawn.
constexpr std::size_t kMostDrawn = 1000;
// Fewest candidates of which one learns what is usual.
constexpr std::size_t kFewestAlike = 10;
// Probability, drawn without knowing what is usual, from which on a candidate may be on the front; and the share of the
// draws for it.
constexpr double kMayBe = 0.01;
constexpr int kFirstShare = 5;

struct Point {
  Losses means;                    // of the objectives
  std::vector<double> violations;  // of the constraints
  std::vector<double> errors;      // of both, one after the other
  RandomStream stream;
  std::uint64_t identity;
  std::size_t place;
};

double known(double error) { return std::isfinite(error) ? error : 0; }

// Holds the points that are left, and the covariances of their errors.
class Points {
 public:
  Points(std::span<const UncertainPoint> given, const std::vector<Direction>& directions, std::uint64_t seed,
         const ErrorCovariance& covariance)
      : covariance_(covariance) {
    for (std::size_t i = 0; i < given.size(); ++i) {
      std::vector<double> errors;
      for (const double error : given[i].errors) errors.push_back(known(error));
      const auto behind = given[i].means.begin() + static_cast<std::ptrdiff_t>(directions.size());
      points_.push_back({sampler::to_losses({given[i].means.begin(), behind}, directions),
                         {behind, given[i].means.end()},
                         std::move(errors),
                         RandomStream(seed, {given[i].identity}, "front_probability"),
                         given[i].identity,
                         i});
    }
    std::sort(points_.begin(), points_.end(), [](const Point& a, const Point& b) {
      return a.identity != b.identity ? a.identity < b.identity : a.means < b.means;
    });
  }

  // Leaves out what is certainly beaten or breaks a constraint, or more surely than kMostDrawn others. That changes
  // next to no other probability: whoever beats it beats what it beats.
  void keep_possible() {
    std::erase_if(points_, [](const Point& point) { return breaks(point, -kCertain); });
    std::vector<const Point*> front;
    std::vector<Losses> means;
    for (const Point& point : points_) {
      if (breaks(point, kCertain)) continue;
      front.push_back(&point);
      means.push_back(point.means);
    }
    const std::vector<std::size_t> ranks = sampler::non_dominated_ranks(means);
    for (std::size_t i = front.size(); i-- > 0;)
      if (ranks[i] != 0) front.erase(front.begin() + static_cast<std::ptrdiff_t>(i));
    std::vector<std::pair<double, std::size_t>> margins;
    for (std::size_t i = 0; i < points_.size(); ++i) {
      double beaten = breaking(points_[i]);
      for (const Point* rival : front) beaten = std::max(beaten, margin(*rival, points_[i]));
      if (beaten < kCertain) margins.emplace_back(beaten, i);
    }
    std::sort(margins.begin(), margins.end());
    if (margins.size() > kMostDrawn) margins.resize(kMostDrawn);
    std::vector<std::size_t> kept;
    for (const auto& [beaten, i] : margins) kept.push_back(i);
    std::sort(kept.begin(), kept.end());
    std::vector<Point> points;
    for (const std::size_t i : kept) points.push_back(points_[i]);
    points_ = std::move(points);
  }

  Points subset(const std::vector<std::size_t>& kept) const {
    Points points = *this;
    points.points_.clear();
    for (const std::size_t i : kept) points.points_.push_back(points_[i]);
    return points;
  }

  std::size_t size() const { return points_.size(); }
  std::size_t place(std::size_t i) const { return points_[i].place; }
  RandomStream& stream(std::size_t i) { return points_[i].stream; }

  std::size_t violations() const { return points_.empty() ? 0 : points_.front().violations.size(); }
  double violation(std::size_t i, std::size_t constraint) const { return points_[i].violations[constraint]; }
  double loss(std::size_t i, std::size_t objective) const { return points_[i].means[objective]; }

  bool is_exact(std::size_t objective) const {
    return std::all_of(points_.begin(), points_.end(),
                       [&](const Point& point) { return point.errors[objective] == 0; });
  }
  // Takes a violation by the number behind the objectives.
  std::vector<double> values(std::size_t value) const {
    std::vector<double> values;
    for (const Point& point : points_) {
      const std::size_t objectives = point.means.size();
      values.push_back(value < objectives ? point.means[value] : point.violations[value - objectives]);
    }
    return values;
  }
  Matrix covariance(std::size_t value) const {
    Matrix matrix(points_.size());
    for (std::size_t i = 0; i < points_.size(); ++i) {
      matrix.at(i, i) = points_[i].errors[value] * points_[i].errors[value];
      for (std::size_t j = 0; j < i; ++j) matrix.at(i, j) = matrix.at(j, i) = joint(points_[i], points_[j], value);
    }
    return matrix;
  }

 private:
  double joint(const Point& left, const Point& right, std::size_t value) const {
    return covariance_ ? covariance_(left.place, right.place, value) : 0.0;
  }

  // Tells whether a constraint is broken when each violation is larger by so many standard errors.
  static bool breaks(const Point& point, double errors) {
    for (std::size_t m = 0; m < point.violations.size(); ++m)
      if (point.violations[m] + errors * point.errors[point.means.size() + m] > 0) return true;
    return false;
  }

  // Returns by how many standard errors a constraint is broken, where that is most; 0 where none is.
  static double breaking(const Point& point) {
    double most = 0;
    for (std::size_t m = 0; m < point.violations.size(); ++m)
      if (point.violations[m] > 0) most = std::max(most, point.violations[m] / point.errors[point.means.size() + m]);
    return most;
  }

  // Returns by how many standard errors of the difference a rival beats a point where that is least, at most kCertain;
  // 0 where it does not. The covariance is looked up only where it matters.
  double margin(const Point& rival, const Point& point) const {
    double least = kCertain;
    bool somewhere = false;
    for (std::size_t k = 0; k < point.means.size(); ++k) {
      const double gap = point.means[k] - rival.means[k];
      if (gap < 0) return 0;
      somewhere |= gap > 0;
      const double left = rival.errors[k], right = point.errors[k];
      if (left + right == 0 || gap >= kCertain * (left + right)) continue;
      const double variance = left * left + right * right - 2 * joint(rival, point, k);
      if (gap < least * std::sqrt(std::max(variance, 0.0))) least = gap / std::sqrt(variance);
    }
    return somewhere ? least : 0;
  }

  ErrorCovariance covariance_;
  std::vector<Point> points_;
};

// Finds the front of drawn values in storage that is used again for every draw.
class FrontFinder {
 public:
  explicit FrontFinder(std::size_t count) : order_(count), on_(count) {}

  // on[i]: whether no value dominates value i.
  const std::vector<bool>& find(const std::vector<Losses>& values) {
    if (values.front().size() > 2) return by_ranks(values);
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::sort(order_.begin(), order_.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
    double best = std::numeric_limits<double>::infinity();  // last objective of all before the group
    for (std::size_t begin = 0, end = 0; begin < order_.size(); begin = end) {
      const Losses& first = values[order_[begin]];  // the best of those that share its first objective
      const bool survives = first.size() == 2 ? first[1] < best : begin == 0;
      for (end = begin; end < order_.size() && values[order_[end]].front() == first.front(); ++end) {
        on_[order_[end]] = survives && values[order_[end]] == first;
      }
      best = std::min(best, first.back());
    }
    return on_;
  }

 private:
  const std::vector<bool>& by_ranks(const std::vector<Losses>& values) {
    const std::vector<std::size_t> ranks = sampler::non_dominated_ranks(values);
    for (std::size_t i = 0; i < ranks.size(); ++i) on_[i] = ranks[i] == 0;
    return on_;
  }

  std::vector<std::size_t> order_;
  std::vector<bool> on_;
};

// Draws true values from what is believed of one raced value.
class Drawer {
 public:
  explicit Drawer(const Belief& belief)
      : means_(belief.means), lower_(cholesky(belief.covariance)), numbers_(belief.means.size()) {}

  // Calls take(point, value) for all points.
  template <typename Take>
  void draw(Points& points, const Take& take) {
    for (std::size_t i = 0; i < numbers_.size(); ++i) numbers_[i] = lower_.at(i, i) > 0 ? points.stream(i).normal() : 0;
    for (std::size_t i = 0; i < numbers_.size(); ++i) {
      double sum = means_[i];
      const std::span<const double> row = lower_.row(i);
      for (std::size_t j = 0; j <= i; ++j) sum += row[j] * numbers_[j];
      take(i, sum);
    }
  }

 private:
  std::vector<double> means_;
  Matrix lower_;
  std::vector<double> numbers_;
};

// Holds the ways of constraints: their losses follow those of an objective, or are drawn.
class Violations {
 public:
  Violations(Points& points, const std::vector<Direction>& directions, const TiedViolations& tied) : points_(points) {
    for (std::size_t m = 0; m < points.violations(); ++m) {
      const std::size_t value = directions.size() + m;
      tied_.push_back(m < tied.size() ? tied[m] : std::nullopt);
      if (tied_[m] && directions[tied_[m]->objective] == Direction::kMaximize) tied_[m]->slope = -tied_[m]->slope;
      if (!tied_[m]) drawers_.emplace_back(Belief{points.values(value), points.covariance(value)});
    }
  }

  bool none() const { return tied_.empty(); }

  // Tells for which of the points with these losses a violation is above 0.
  const std::vector<bool>& find(const std::vector<Losses>& losses) {
    broken_.assign(points_.size(), false);
    std::size_t drawn = 0;
    for (std::size_t m = 0; m < tied_.size(); ++m) {
      if (!tied_[m]) {
        drawers_[drawn++].draw(points_, [&](std::size_t i, double value) { broken_[i] = broken_[i] || value > 0; });
        continue;
      }
      const auto& [objective, slope] = *tied_[m];
      for (std::size_t i = 0; i < points_.size(); ++i) {
        const double moved = losses[i][objective] - points_.loss(i, objective);
        broken_[i] = broken_[i] || points_.violation(i, m) + slope * moved > 0;
      }
    }
    return broken_;
  }

 private:
  Points& points_;
  TiedViolations tied_;  // slopes in the losses
  std::vector<Drawer> drawers_;
  std::vector<bool> broken_;
};

// Returns how often each point is on the front of all that are drawn and meet the constraints.
std::vector<double> shares_on_front(Points& points, const std::vector<Belief>& beliefs, Violations violations,
                                    int draws) {
  std::vector<Losses> values(points.size(), Losses(beliefs.size()));
  std::vector<int> counts(points.size(), 0);
  FrontFinder finder(points.size());
  std::vector<Drawer> drawers(beliefs.begin(), beliefs.end());
  std::vector<bool> broken(points.size(), false);
  for (int i = 0; i < draws; ++i) {
    for (std::size_t k = 0; k < drawers.size(); ++k)
      drawers[k].draw(points, [&](std::size_t point, double value) { values[point][k] = value; });
    if (!violations.none()) broken = violations.find(values);
    for (std::size_t k = 0; k < counts.size(); ++k)
      if (broken[k]) values[k].assign(beliefs.size(), std::numeric_limits<double>::infinity());
    const std::vector<bool>& on = finder.find(values);
    for (std::size_t k = 0; k < counts.size(); ++k) counts[k] += on[k] && !broken[k] ? 1 : 0;
  }
  std::vector<double> shares;
  for (const int count : counts) shares.push_back(static_cast<double>(count) / draws);
  return shares;
}

std::vector<Belief> as_measured(const Points& points, std::size_t objectives) {
  std::vector<Belief> beliefs;
  for (std::size_t k = 0; k < objectives; ++k) beliefs.push_back({points.values(k), points.covariance(k)});
  return beliefs;
}

// Returns what is believed when it is known what is usual among the points.
std::vector<Belief> as_usual(const Points& points, std::size_t objectives) {
  std::vector<std::vector<double>> costs;
  for (std::size_t k = 0; k < objectives; ++k) {
    if (!points.is_exact(k)) continue;
    std::vector<double> values = points.values(k);
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    if (*least < *most) costs.push_back(std::move(values));
  }
  std::vector<Belief> beliefs = as_measured(points, objectives);
  for (std::size_t k = 0; k < objectives; ++k)
    if (!points.is_exact(k)) beliefs[k] = shrink(beliefs[k].means, beliefs[k].covariance, costs);
  return beliefs;
}

// Says which metrics that the evaluated rows decide an objective or a constraint is made of: 0 none, 1 accuracy alone,
// 2 others, too.
int noisy_parts(const auto& read) {
  std::vector<std::string> names;
  if (read.kind != nullptr) names = {read.kind->name};
  if (read.expression) names = read.expression->names();
  int parts = 0;
  for (const std::string& name : names) {
    const metric::MetricKind& kind = *metric::find_metric(name);
    if (kind.source == metric::Source::kAnalysis || kind.source == metric::Source::kWeights) continue;
    parts = std::max(parts, kind.name == "accuracy" ? 1 : 2);
  }
  return parts;
}

}  // namespace

double joint_error(double a, double b) {
  if (std::isnan(a)) return b;
  return std::isnan(b) ? a : std::hypot(a, b);
}

std::vector<double> sampling_errors(const recipe::StudySettings& settings, const std::map<std::string, double>& metrics,
                                    std::int64_t rows) {
  std::vector<int> parts;
  for (const recipe::Objective& objective : settings.objectives) parts.push_back(noisy_parts(objective));
  if (settings.sum_scaled_metrics) parts = {*std::max_element(parts.begin(), parts.end())};
  for (const recipe::Constraint& constraint : trial::trained_constraints(settings.constraints))
    parts.push_back(noisy_parts(constraint));
  std::vector<double> errors;
  std::vector<double> slopes(parts.size());
  const auto accuracy = metrics.find("accuracy");
  double error = std::nan("");
  if (accuracy != metrics.end() && rows > 0) {
    const double p = std::clamp(accuracy->second, 0.0, 1.0);
    error = std::sqrt(p * (1 - p) / static_cast<double>(rows));
    slopes = trial::slopes_in(settings, metrics, "accuracy");
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    errors.push_back(parts[i] == 0 ? 0 : parts[i] == 1 ? std::abs(slopes[i]) * error : std::nan(""));
  }
  return errors;
}

std::vector<double> front_probabilities(std::span<const UncertainPoint> given, const std::vector<Direction>& directions,
                                        std::uint64_t seed, int draws, const ErrorCovariance& covariance,
                                        const TiedViolations& tied) {
  std::vector<double> probabilities(given.size(), 0.0);
  Points points(given, directions, seed, covariance);
  points.keep_possible();
  if (points.size() == 0) return probabilities;
  const std::size_t objectives = directions.size();
  const bool alike = points.size() >= kFewestAlike;
  std::vector<double> shares =
      shares_on_front(points, as_measured(points, objectives), Violations(points, directions, tied),
                      alike ? std::max(draws / kFirstShare, 1) : draws);
  for (std::size_t i = 0; i < points.size(); ++i) probabilities[points.place(i)] = shares[i];
  std::vector<std::size_t> near;
  for (std::size_t i = 0; i < points.size(); ++i)
    if (shares[i] >= kMayBe) near.push_back(i);
  if (!alike || near.size() < kFewestAlike) return probabilities;
  points = points.subset(near);
  shares = shares_on_front(points, as_usual(points, objectives), Violations(points, directions, tied), draws);
  for (std::size_t i = 0; i < points.size(); ++i) probabilities[points.place(i)] = shares[i];
  return probabilities;
}

}  // namespace lathe::study
