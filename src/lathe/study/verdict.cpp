#include "lathe/study/verdict.h"

#include <cmath>
#include <limits>

#include "lathe/study/front_probability.h"
#include "lathe/study/student.h"

namespace lathe::study {
namespace {

constexpr int kDraws = 10000;

class Verdict {
 public:
  Verdict(const EndedRace& ended, std::vector<Standing>& standings)
      : ended_(ended), standings_(standings), doubt_(1 - ended.confidence), needed_(normal_quantile(ended.confidence)) {
    for (std::size_t k = 0; k < ended.directions.size(); ++k)
      errors_.emplace_back(ended.racers, k, ended.directions[k] == Direction::kMaximize ? -1 : 1, ended.rows);
  }

  void judge() && {
    add_probabilities();
    std::vector<std::vector<double>> means;
    for (const Standing& standing : standings_) means.push_back(standing.means);
    std::vector<bool> on_front(standings_.size(), false);
    for (const std::size_t i : sampler::pareto_front(means, ended_.directions)) on_front[i] = true;
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
    }
    const std::vector<double> probabilities =
        front_probabilities(points, ended_.directions, ended_.seed, kDraws,
                            [&](std::size_t i, std::size_t j, std::size_t k) { return errors_[k].covariance(i, j); });
    for (std::size_t i = 0; i < standings_.size(); ++i) standings_[i].front_probability = probabilities[i];
  }

  static double known(double variance) { return std::isfinite(variance) ? variance : 0; }

  double seed_variance(std::size_t i, std::size_t j, std::size_t k) const {
    return known(errors_[k].seed_variance(i)) + known(errors_[k].seed_variance(j));
  }

  // Returns by how many standard errors candidate j is better than candidate i in an objective.
  double lead(std::size_t j, std::size_t i, std::size_t k) const {
    constexpr double kSure = 1e6;
    const double gap = errors_[k].mean(i) - errors_[k].mean(j);
    const double variance = seed_variance(i, j, k) + errors_[k].row_variance_of_difference(i, j);
    if (variance > 0) return gap / std::sqrt(variance);
    return gap > 0 ? kSure : gap < 0 ? -kSure : 0;
  }

  // Tells whether another candidate that may be on the front is nowhere known to be worse: the front has no gap where
  // candidate i is left out.
  bool is_stood_for(std::size_t i) const {
    for (std::size_t j = 0; j < standings_.size(); ++j) {
      if (j == i || standings_[j].front_probability <= doubt_) continue;
      bool nowhere_worse = true;
      for (std::size_t k = 0; k < errors_.size() && nowhere_worse; ++k) nowhere_worse = lead(j, i, k) > -needed_;
      if (nowhere_worse) return true;
    }
    return false;
  }

  // Finds the rival that comes nearest to beating a candidate, or beats it most surely, and what would decide.
  std::optional<Decider> decider(std::size_t i) const {
    double closest = -std::numeric_limits<double>::infinity();
    std::size_t rival = i, objective = 0;
    for (std::size_t j = 0; j < standings_.size(); ++j) {
      if (j == i || standings_[j].membership == Membership::kOff) continue;
      double least = std::numeric_limits<double>::infinity();
      std::size_t weakest = 0;
      for (std::size_t k = 0; k < errors_.size() && least > closest; ++k) {
        const double leads = lead(j, i, k);
        const bool exact = !(standings_[i].total_errors[k] + standings_[j].total_errors[k] > 0);
        if (exact && leads >= 0) continue;
        if (leads < least) {
          least = leads;
          weakest = k;
        }
      }
      if (least > closest && std::isfinite(least)) {
        closest = least;
        rival = j;
        objective = weakest;
      }
    }
    if (rival == i) return std::nullopt;
    const ValueErrors& errors = errors_[objective];
    Decider decider = decider_of(errors.mean(i) - errors.mean(rival), seed_variance(i, rival, objective),
                                 errors.row_variance_of_difference(i, rival),
                                 std::min(errors.seeds(i), errors.seeds(rival)), ended_.rows, needed_);
    decider.rival = ended_.numbers[rival];
    return decider;
  }

  const EndedRace& ended_;
  std::vector<Standing>& standings_;
  std::vector<ValueErrors> errors_;
  double doubt_, needed_;
};

}  // namespace

void judge_ended_race(const EndedRace& ended, std::vector<Standing>& standings) { Verdict(ended, standings).judge(); }

}  // namespace lathe::study
