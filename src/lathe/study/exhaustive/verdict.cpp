#include "lathe/study/exhaustive/verdict.h"

#include <cmath>
#include <limits>

#include "lathe/study/exhaustive/student.h"

namespace lathe::study {
namespace {

constexpr int kDraws = 10000;

class Verdict {
 public:
  Verdict(const EndedRace& ended, std::vector<Standing>& standings)
      : ended_(ended), standings_(standings), doubt_(1 - ended.confidence), needed_(normal_quantile(ended.confidence)) {
    for (std::size_t k = 0; k < ended.directions.size(); ++k)
      errors_.emplace_back(ended.racers, k, ended.directions[k] == Direction::kMaximize ? -1 : 1, ended.rows);
    for (std::size_t k = errors_.size(); k < ended.racers.front().repeats.front().size(); ++k)
      violations_.emplace_back(ended.racers, k, 1, ended.rows);
  }

  void judge() && {
    add_probabilities();
    std::vector<std::vector<double>> means;
    std::vector<std::size_t> meeting;
    for (std::size_t i = 0; i < standings_.size(); ++i) {
      if (!standings_[i].meets) continue;
      means.push_back(standings_[i].means);
      meeting.push_back(i);
    }
    std::vector<bool> on_front(standings_.size(), false);
    for (const std::size_t i : sampler::pareto_front(means, ended_.directions)) on_front[meeting[i]] = true;
    for (std::size_t i = 0; i < standings_.size(); ++i) {
      Standing& standing = standings_[i];
      if (standing.membership == Membership::kOpen) continue;  // the race was cut off
      const double probability = standing.front_probability;
      standing.membership = Membership::kTied;
      if (probability >= 1 - doubt_) standing.membership = Membership::kOn;
      if (probability <= doubt_ && (!on_front[i] || is_stood_for(i))) standing.membership = Membership::kOff;
    }
    for (std::size_t i = 0; i < standings_.size(); ++i)
      if (standings_[i].membership == Membership::kTied) standings_[i].decider = decider(i);
  }

 private:
  void add_probabilities() {
    std::vector<UncertainPoint> points;
    for (std::size_t i = 0; i < standings_.size(); ++i) {
      points.push_back({standings_[i].means, standings_[i].total_errors, ended_.identities[i]});
      for (const ValueErrors& errors : violations_) {
        points[i].means.push_back(errors.mean(i));
        points[i].errors.push_back(std::sqrt(known(errors.seed_variance(i)) + known(errors.row_variance(i))));
      }
    }
    const auto covariance = [&](std::size_t i, std::size_t j, std::size_t k) {
      return k < errors_.size() ? errors_[k].covariance(i, j) : violations_[k - errors_.size()].covariance(i, j);
    };
    const std::vector<double> probabilities =
        front_probabilities(points, ended_.directions, ended_.seed, kDraws, covariance, ended_.tied);
    for (std::size_t i = 0; i < standings_.size(); ++i) standings_[i].front_probability = probabilities[i];
  }

  static double known(double variance) { return std::isfinite(variance) ? variance : 0; }

  // Holds what a comparison rests on: by how much it comes out one way, and the variances of that.
  struct Comparison {
    double gap = 0, seed_variance = 0, row_variance = 0;
    std::int64_t seeds = 0;

    bool exact() const { return !(seed_variance + row_variance > 0); }
    // Returns by how many standard errors.
    double lead() const {
      constexpr double kSure = 1e6;
      if (!exact()) return gap / std::sqrt(seed_variance + row_variance);
      return gap > 0 ? kSure : gap < 0 ? -kSure : 0;
    }
  };

  // Compares two candidates in an objective: by how much j is better than i.
  Comparison compare(std::size_t j, std::size_t i, std::size_t k) const {
    const ValueErrors& errors = errors_[k];
    return {.gap = errors.mean(i) - errors.mean(j),
            .seed_variance = known(errors.seed_variance(i)) + known(errors.seed_variance(j)),
            .row_variance = errors.row_variance_of_difference(i, j),
            .seeds = std::min(errors.seeds(i), errors.seeds(j))};
  }

  // Compares a candidate with the constraint that it is surest to break, or least sure to meet.
  std::optional<Comparison> compare_with_bounds(std::size_t i) const {
    std::optional<Comparison> least;
    for (const ValueErrors& errors : violations_) {
      const Comparison met{.gap = -errors.mean(i),
                           .seed_variance = known(errors.seed_variance(i)),
                           .row_variance = known(errors.row_variance(i)),
                           .seeds = errors.seeds(i)};
      if (!(met.exact() && met.gap >= 0) && (!least || met.lead() < least->lead())) least = met;
    }
    return least;
  }

  // Tells whether another candidate that may be on the front is nowhere known to be worse: the front has no gap where
  // candidate i is left out.
  bool is_stood_for(std::size_t i) const {
    for (std::size_t j = 0; j < standings_.size(); ++j) {
      if (j == i || !standings_[j].meets || standings_[j].front_probability <= doubt_) continue;
      bool nowhere_worse = true;
      for (std::size_t k = 0; k < errors_.size() && nowhere_worse; ++k)
        nowhere_worse = compare(j, i, k).lead() > -needed_;
      if (nowhere_worse) return true;
    }
    return false;
  }

  // Finds where rival j comes nearest to not beating candidate i; nullopt where nothing is uncertain.
  std::optional<Comparison> weakest(std::size_t j, std::size_t i) const {
    std::optional<Comparison> weakest = compare_with_bounds(j);
    for (std::size_t k = 0; k < errors_.size(); ++k) {
      const Comparison here = compare(j, i, k);
      const bool exact = !(standings_[i].total_errors[k] + standings_[j].total_errors[k] > 0);
      if (exact && here.gap >= 0) continue;
      if (!weakest || here.lead() < weakest->lead()) weakest = here;
    }
    return weakest;
  }

  // Finds the rival that comes nearest to beating a candidate, or beats it most surely, or the constraint where that is
  // more open, and what would decide.
  std::optional<Decider> decider(std::size_t i) const {
    std::optional<Comparison> closest;
    std::optional<std::int64_t> rival;  // number of its trial
    for (std::size_t j = 0; j < standings_.size(); ++j) {
      if (j == i || standings_[j].membership == Membership::kOff) continue;
      const std::optional<Comparison> here = weakest(j, i);
      if (!here || (closest && here->lead() <= closest->lead())) continue;
      closest = here;
      rival = ended_.numbers[j];
    }
    const std::optional<Comparison> bound = compare_with_bounds(i);
    const double open = closest ? std::min(std::abs(closest->lead()), needed_) : needed_;
    if (bound && std::abs(bound->lead()) < open) {
      closest = bound;
      rival.reset();
    }
    if (!closest) return std::nullopt;
    Decider decider =
        decider_of(closest->gap, closest->seed_variance, closest->row_variance, closest->seeds, ended_.rows, needed_);
    decider.rival = rival;
    return decider;
  }

  const EndedRace& ended_;
  std::vector<Standing>& standings_;
  std::vector<ValueErrors> errors_, violations_;  // one per objective, one per bound
  double doubt_, needed_;
};

}  // namespace

void judge_ended_race(const EndedRace& ended, std::vector<Standing>& standings) {
  if (!ended.racers.empty()) Verdict(ended, standings).judge();
}

}  // namespace lathe::study
