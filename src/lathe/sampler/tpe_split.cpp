#include "lathe/sampler/tpe_split.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "lathe/base/check.h"

namespace lathe::sampler {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLeastWeight = 1e-12;

double or_infinity(double value) { return std::isnan(value) ? kInfinity : value; }

/// Returns the volume that each point adds to the others, relative to the largest.
std::vector<double> relative_contributions(const std::vector<Losses>& points) {
  const Losses reference = reference_point(points);
  const double whole = hypervolume(points, reference);
  std::vector<double> contributions;
  for (std::size_t left_out = 0; left_out < points.size(); ++left_out) {
    std::vector<Losses> others = points;
    others.erase(others.begin() + static_cast<std::ptrdiff_t>(left_out));
    contributions.push_back(whole - hypervolume(std::move(others), reference));
  }
  const double largest = *std::max_element(contributions.begin(), contributions.end());
  if (!(largest > 0) || !std::isfinite(largest)) return std::vector<double>(points.size(), 1.0);
  for (double& contribution : contributions) contribution = std::max(contribution / largest, kLeastWeight);
  return contributions;
}

}  // namespace

std::size_t good_count(std::size_t n, std::size_t objectives, bool revision_3_1) {
  const std::size_t tenth = (n + 9) / 10;
  return objectives == 1 || revision_3_1 ? std::min(tenth, TpeSplit::kMostGood) : tenth;
}

bool NonDominatedFronts::dominated_by(const std::vector<std::uint32_t>& front, std::uint32_t row) const {
  return std::any_of(front.begin(), front.end(),
                     [&](std::uint32_t other) { return dominates(losses_[other], losses_[row]); });
}

void NonDominatedFronts::add(std::uint32_t row, Losses losses) {
  if (losses_.size() <= row) losses_.resize(row + 1);
  losses_[row] = std::move(losses);
  ++size_;
  // A point that some front dominates is dominated by all fronts before it, too.
  auto front = std::partition_point(fronts_.begin(), fronts_.end(),
                                    [&](const auto& members) { return dominated_by(members, row); });
  std::vector<std::uint32_t> arriving{row};
  for (; !arriving.empty(); ++front) {
    if (front == fronts_.end()) {
      fronts_.push_back(std::move(arriving));
      return;
    }
    const auto displaced = std::stable_partition(front->begin(), front->end(),
                                                 [&](std::uint32_t member) { return !dominated_by(arriving, member); });
    std::vector<std::uint32_t> leaving(displaced, front->end());
    front->erase(displaced, front->end());
    const auto middle = static_cast<std::ptrdiff_t>(front->size());
    front->insert(front->end(), arriving.begin(), arriving.end());
    std::inplace_merge(front->begin(), front->begin() + middle, front->end());
    arriving = std::move(leaving);
  }
}

void NonDominatedFronts::clear() {
  losses_.clear();
  fronts_.clear();
  size_ = 0;
}

TpeSplit::TpeSplit(std::vector<Direction> directions, bool revision_3_1)
    : directions_(std::move(directions)), revision_3_1_(revision_3_1) {}

bool TpeSplit::counts(const FinishedTrial& trial) const {
  const bool ruled_out = trial.reports.empty() && total_violation(trial) > 0;
  if (trial.state == TrialState::kPruned) return !revision_3_1_ || directions_.size() == 1 || ruled_out;
  return trial.state == TrialState::kComplete;
}

void TpeSplit::insert(std::vector<Entry>& list, const Key& key, std::uint32_t row) const {
  const Entry entry{key, row};
  list.insert(std::upper_bound(list.begin(), list.end(), entry), entry);
  if (directions_.size() == 1 && list.size() > kMostGood) list.pop_back();
}

double TpeSplit::loss(double value) const {
  return or_infinity(directions_.front() == Direction::kMaximize ? -value : value);
}

TpeSplit::Key TpeSplit::pruned_key(const FinishedTrial& trial) const {
  if (trial.reports.empty()) return {1, 0};
  const Report& last = trial.reports.back();
  const bool comparable = directions_.size() == 1 && last.values.size() == 1;
  return {-static_cast<double>(last.step), comparable ? loss(last.values.front()) : 0};
}

void TpeSplit::add_feasible(std::uint32_t row, const FinishedTrial& trial) {
  if (trial.state == TrialState::kPruned) {
    insert(pruned_, pruned_key(trial), row);
  } else if (directions_.size() == 1) {
    insert(complete_, {loss(trial.values.front()), 0}, row);
  } else {
    Losses losses = to_losses(trial.values, directions_);
    for (double& value : losses) value = or_infinity(value);
    fronts_.add(row, std::move(losses));
  }
}

void TpeSplit::add(std::uint32_t row, const FinishedTrial& trial) {
  LATHE_CHECK(trial.state != TrialState::kComplete || trial.values.size() == directions_.size(), "{} values",
              trial.values.size());
  ++size_;
  const bool has_constraints = !trial.constraints.empty();
  if (revision_3_1_ && has_constraints && !constrained_) {
    complete_.clear();
    pruned_.clear();
    fronts_.clear();
    for (const std::uint32_t earlier : unconstrained_) insert(infeasible_, {kInfinity, 0}, earlier);
  }
  constrained_ = constrained_ || has_constraints;
  if (revision_3_1_ && !has_constraints) unconstrained_.push_back(row);
  const bool unknown = revision_3_1_ && constrained_ && !has_constraints;
  const double violation = unknown ? kInfinity : or_infinity(total_violation(trial));
  if (violation > 0) {
    insert(infeasible_, {violation, 0}, row);
  } else {
    add_feasible(row, trial);
  }
}

std::vector<std::uint32_t> TpeSplit::good_of_fronts(std::size_t count) {
  std::vector<std::uint32_t> good;
  for (const auto& front : fronts_.fronts()) {
    if (good.size() + front.size() <= count) {
      good.insert(good.end(), front.begin(), front.end());
      continue;
    }
    if (good.size() == count) break;
    if (!subset_ || cut_front_ != front) {
      std::vector<Losses> points;
      for (const std::uint32_t row : front) points.push_back(fronts_.losses(row));
      subset_.emplace(points, reference_point(points));
      cut_front_ = front;
    }
    for (const std::size_t i : subset_->first(count - good.size())) good.push_back(front[i]);
    break;
  }
  return good;
}

std::vector<std::uint32_t> TpeSplit::good(std::size_t count) {
  std::vector<std::uint32_t> good = good_of_fronts(count);
  for (const auto* list : {&complete_, &pruned_, &infeasible_}) {
    for (std::size_t i = 0; i < list->size() && good.size() < count; ++i) good.push_back((*list)[i].second);
  }
  std::sort(good.begin(), good.end());
  return good;
}

std::vector<double> TpeSplit::good_weights(const std::vector<std::uint32_t>& good) const {
  if (!revision_3_1_ || directions_.size() == 1) return std::vector<double>(good.size(), 1.0);
  std::vector<Losses> points;
  for (const std::uint32_t row : good) {
    if (fronts_.contains(row)) points.push_back(fronts_.losses(row));
  }
  std::vector<double> weights(good.size(), kLeastWeight);
  if (points.empty()) return weights;
  const std::vector<double> contributions = relative_contributions(points);
  auto next = contributions.begin();
  for (std::size_t i = 0; i < good.size(); ++i) {
    if (fronts_.contains(good[i])) weights[i] = *next++;
  }
  return weights;
}

}  // namespace lathe::sampler
